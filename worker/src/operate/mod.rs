//! What operators change. A decision about an import goes in; the changed import and the messages that carry it out
//! come out.
//!
//! As in every step the change is durable before its messages go out. If the command dies in between, running it again
//! publishes them again.

mod cancel;
mod dead_letters;
mod erase;
mod error;
mod pause;
mod purge;
mod replay;
mod seals;
mod submit;

pub use cancel::{Cancelled, cancel};
pub use dead_letters::{Resent, resend};
pub use erase::Erasure;
pub use error::Error;
pub use pause::{pause, resume};
pub use purge::{Purge, Retention};
pub use replay::{ReplayOptions, Replayed, replay};
pub use seals::{Rotated, rotate_seals};
pub use submit::{Submitted, submit, upload};

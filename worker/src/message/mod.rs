//! What crosses the broker between steps. Plain values: no broker, no database, no I/O.

mod dead_letter;
mod import_ref;
mod outgoing;
mod task;
mod trace;

pub use dead_letter::{DeadLetter, DeadReason, Subject, kept};
pub use import_ref::{ImportRef, MarkedQueue, Marker, RowRange};
pub use outgoing::Message;
pub use task::{Task, TaskKind, Unreadable};
pub use trace::Trace;

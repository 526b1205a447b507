//! What an administrator has chosen for an upload, complete or not; and the job that it makes once it is complete.

mod chosen;
mod form;
mod job;
mod names;

pub(super) use self::{
    chosen::{Choices, From, SipKind, TWO_FACTOR},
    job::Missing,
    names::{MOST_NAMES, names_in},
};

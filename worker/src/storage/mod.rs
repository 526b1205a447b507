//! Object storage: the only module that names the AWS SDK. Keys and bytes go in and out.

mod client;
mod error;
mod options;
mod reading;
mod reports;
mod writing;

pub use self::{
    client::Storage,
    error::Error,
    options::Options,
    reading::Fetched,
    reports::{MAX_REPORT_BYTES, report_keys},
};

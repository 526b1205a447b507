//! Any bytes, as if the broker had sent them: they are read, refused or incomplete, and never end the process.

#![no_main]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a finding ends with a panic"
)]

use amq_protocol::frame::{AMQPFrame, parse_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok((_, frame)) = parse_frame(bytes) else {
        return;
    };
    // Cloning, printing and dropping a value recurse as deeply as the value does.
    let copy = frame.clone();
    let _ = format!("{copy:?}");
    if let AMQPFrame::Header(_, header) = frame {
        let id = header.properties.message_id().as_ref();
        assert!(id.is_none_or(|id| id.as_str().len() <= 255));
    }
});

//! Any bytes as a job: what is accepted is written as it was read.

#![no_main]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a finding ends with a panic"
)]

use libfuzzer_sys::fuzz_target;
use shared::contract::job;

fuzz_target!(|body: &[u8]| {
    let Ok(job) = job::parse(body) else { return };
    let _ = job.source.is_of_tenant(job.tenant_id);
    let written = serde_json::to_vec(&job).expect("a job is JSON");
    assert_eq!(job::parse(&written).expect("what was written can be read"), job);
});

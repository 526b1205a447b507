//! One hash of the default cost, by each implementation, in memory that is kept; and how long a worker proves at its start
//! that both give the same bytes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros; a benchmark ends with a panic"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use worker::crypto::hashing::{Argon2id, Choice, Cost, SALT_BYTES};

fn hashing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("argon2id 19 MiB, 2 passes");
    for (name, choice) in [("reference", Choice::Reference), ("fast", Choice::Fast)] {
        let argon2id = Argon2id::new(Cost::default(), choice).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| argon2id.hash(b"mK7xWq2RtBn9HsVc", &[1; SALT_BYTES]).unwrap());
        });
    }
    group.sample_size(10);
    group.bench_function("proof at the start", |bencher| {
        bencher.iter(|| Argon2id::new(Cost::default(), Choice::Auto).unwrap());
    });
    group.finish();
}

criterion_group!(benches, hashing);
criterion_main!(benches);

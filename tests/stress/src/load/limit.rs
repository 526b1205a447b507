//! How many hashes a second Argon2 alone makes here: no worker could be faster.

use std::{
    sync::Barrier,
    time::{Duration, Instant},
};

use argon2::Block;
use argon2_rust as fast;

/// How long one measurement takes: hundreds of hashes of the default cost.
const TIME: Duration = Duration::from_secs(2);

/// An implementation that hashes again and again in the same memory.
type Hash = Box<dyn FnMut()>;

/// Hashes a second on this many threads, with the faster of both implementations, and with the slower one.
pub(crate) fn measure(cost: [u32; 3], threads: usize) -> (f64, f64) {
    let (reference, fast) = (rate(threads, || reference(cost)), rate(threads, || fast(cost)));
    (reference.max(fast), reference.min(fast))
}

fn reference([memory_kib, passes, lanes]: [u32; 3]) -> Hash {
    let params = argon2::Params::new(memory_kib, passes, lanes, Some(32)).expect("a cost");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    Box::new(move || {
        let mut output = [0; 32];
        argon2
            .hash_password_into_with_memory(b"mK7xWq2RtBn9HsVc", &[1; 16], &mut output, &mut memory)
            .expect("a hash");
    })
}

fn fast([memory_kib, passes, lanes]: [u32; 3]) -> Hash {
    let params = fast::Params::builder()
        .memory(fast::params::Memory::kib(memory_kib.into()))
        .passes(passes)
        .lanes(lanes)
        .threads(1)
        .build()
        .expect("a cost");
    let mut hasher = fast::Argon2::new(fast::Algorithm::Argon2id, fast::Version::V0x13, params).hasher();
    Box::new(move || {
        let mut output = [0; 32];
        hasher
            .hash_into(b"mK7xWq2RtBn9HsVc", &[1; 16], &mut output)
            .expect("a hash");
    })
}

fn rate(threads: usize, implementation: impl Fn() -> Hash + Sync) -> f64 {
    let start = Barrier::new(threads);
    let one = || {
        let mut hash = implementation();
        // Memory that was never used costs more.
        hash();
        start.wait();
        let started = Instant::now();
        let mut hashes = 0.0;
        while started.elapsed() < TIME {
            hash();
            hashes += 1.0;
        }
        hashes / started.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("a thread"))
            .sum()
    })
}

//! Argon2id on threads of its own: passwords go in, PHC strings come out.
//!
//! Hashing is nearly all the work of an import. It must never run on the threads of the async runtime, which would
//! then miss heartbeats and time-outs.

mod argon2id;
mod cost;

use argon2::{
    Algorithm, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

pub use argon2id::{Argon2id, Choice, HASH_BYTES, Implementation, SALT_BYTES};
pub use cost::Cost;

use crate::password::{Password, random_bytes};

/// Why no hash was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cost is out of Argon2's bounds.
    #[error("argon2 refuses the cost or the input: {0}")]
    Argon2(#[from] argon2::Error),
    /// The same, of the fast implementation.
    #[error("argon2 refuses the cost or the input: {0}")]
    Fast(#[from] argon2_rust::Error),
    /// The fast implementation was demanded, but is wrong.
    #[error("the fast Argon2 gives other bytes than the reference on this machine")]
    Disagreement,
    /// A part of the PHC string is out of its bounds.
    #[error("the hash cannot be written as a PHC string: {0}")]
    Phc(#[from] argon2::password_hash::phc::Error),
    /// A cost that cannot be written.
    #[error("the cost cannot be written as a PHC string: {0}")]
    Cost(#[from] argon2::password_hash::Error),
    /// The operating system gave no randomness for a salt.
    #[error("no randomness from the operating system: {0}")]
    Randomness(#[from] rand::rngs::SysError),
    /// The threads could not be started.
    #[error("the hashing threads could not be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A hashing thread panicked.
    #[error("a hashing thread died")]
    Died,
}

/// The hashing threads.
#[derive(Debug)]
pub struct Hasher {
    argon2id: Argon2id,
    threads: ThreadPool,
}

impl Hasher {
    /// Chooses the implementation and starts the threads.
    pub fn start(cost: Cost, threads: usize, choice: Choice) -> Result<Self, Error> {
        Ok(Self {
            argon2id: Argon2id::new(cost, choice)?,
            threads: ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("argon2-{index}"))
                // Without one, a panic while hashing would end the whole worker; with it, the batch hears that it died.
                .panic_handler(|_| {})
                .build()?,
        })
    }

    /// The implementation that was chosen.
    pub const fn implementation(&self) -> Implementation {
        self.argon2id.implementation()
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Hashes the passwords on all threads, in order, each with a random salt. What is handed over first is hashed first, by
    /// all threads: while a batch commits they are busy with the next, instead of having both end at the same time.
    pub async fn hash(&self, passwords: Vec<Password>) -> Result<Vec<String>, Error> {
        // All are handed over before the first is waited for.
        let handed_over: Vec<_> = passwords
            .into_iter()
            .map(|password| self.hand_over(password))
            .collect();
        let mut hashes = Vec::with_capacity(handed_over.len());
        for hash in handed_over {
            hashes.push(hash.await.map_err(|_| Error::Died)??);
        }
        Ok(hashes)
    }

    fn hand_over(&self, password: Password) -> oneshot::Receiver<Result<String, Error>> {
        let argon2id = self.argon2id.clone();
        let (sender, receiver) = oneshot::channel();
        self.threads.spawn_fifo(move || {
            // Nobody waits any more for what belongs to a step that was given up.
            if !sender.is_closed() {
                let _: Result<(), Result<_, Error>> = sender.send(hash(&argon2id, &password));
            }
        });
        receiver
    }
}

fn hash(argon2id: &Argon2id, password: &Password) -> Result<String, Error> {
    let salt: [u8; SALT_BYTES] = random_bytes()?;
    let output = argon2id.hash(password.expose().as_bytes(), &salt)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2id.params())?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::{Argon2, PasswordVerifier};
    use futures::future::{Either, select};

    use super::*;
    use crate::password::Seed;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    #[tokio::test]
    async fn each_hash_verifies_its_own_password_and_has_its_own_salt() {
        let hasher = Hasher::start(CHEAP, 2, Choice::Auto).unwrap();
        let seed = Seed::generate().unwrap();
        let passwords: Vec<Password> = (1..=9).map(|row| seed.password(row, false)).collect();
        let hashes = hasher.hash(passwords.clone()).await.unwrap();
        for (i, hash) in hashes.iter().enumerate() {
            for (j, password) in passwords.iter().enumerate() {
                let verified = Argon2::default().verify_password(password.expose().as_bytes(), hash.as_str());
                assert_eq!(verified.is_ok(), i == j);
            }
        }
        let again = hasher.hash(passwords).await.unwrap();
        assert!(hashes.iter().zip(&again).all(|(one, other)| one != other));
    }

    #[tokio::test]
    async fn a_batch_that_comes_first_is_done_first_though_the_next_one_is_smaller() {
        let hasher = Hasher::start(CHEAP, 2, Choice::Auto).unwrap();
        let seed = Seed::generate().unwrap();
        let passwords = |rows: u32| (1..=rows).map(|row| seed.password(row, false)).collect();
        let first = std::pin::pin!(hasher.hash(passwords(2000)));
        let second = std::pin::pin!(hasher.hash(passwords(100)));
        // Where both are done, the first counts.
        let done = select(first, second).await;
        assert!(matches!(done, Either::Left(_)));
    }

    #[tokio::test]
    async fn the_default_cost_stands_in_the_string() {
        let hasher = Hasher::start(Cost::default(), 1, Choice::Auto).unwrap();
        let hashes = hasher
            .hash(vec![Seed::generate().unwrap().password(1, false)])
            .await
            .unwrap();
        assert!(
            hashes[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hashes[0]
        );
    }

    #[test]
    fn a_cost_out_of_bounds_is_refused() {
        assert!(matches!(
            Hasher::start(
                Cost {
                    memory_kib: 1,
                    ..CHEAP
                },
                1,
                Choice::Auto
            ),
            Err(Error::Argon2(_))
        ));
    }
}

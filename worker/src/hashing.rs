//! Argon2id on threads of its own: passwords go in, PHC strings come out.
//!
//! Hashing is nearly all the work of an import. It must never run on the threads of the async runtime, which would
//! then miss heartbeats and time-outs.

use std::cell::RefCell;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IntoParallelRefIterator, ParallelIterator},
};
use tokio::sync::oneshot;

use crate::password::{Password, random_bytes};

/// Length of a salt. Source: RFC 9106, section 3.1, recommends 16 bytes.
const SALT_BYTES: usize = 16;

/// Length of a hash. Source: RFC 9106, section 4, recommends 32 bytes.
const HASH_BYTES: usize = 32;

/// Cost of one hash. Default: the OWASP Password Storage Cheat Sheet's 19 MiB, 2 passes, 1 lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

/// Why no hash was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cost is out of Argon2's bounds.
    #[error("argon2 refuses the cost or the input: {0}")]
    Argon2(#[from] argon2::Error),
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
    argon2: Argon2<'static>,
    threads: ThreadPool,
}

impl Hasher {
    /// Starts the threads.
    pub fn start(cost: Cost, threads: usize) -> Result<Self, Error> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES))?;
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            threads: ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("argon2-{index}"))
                // Without one, a panic while hashing would end the whole worker; with it, the batch hears that it died.
                .panic_handler(|_| {})
                .build()?,
        })
    }

    /// Hashes the passwords on all threads, in order, each with a random salt.
    pub async fn hash(&self, passwords: Vec<Password>) -> Result<Vec<String>, Error> {
        let argon2 = self.argon2.clone();
        let (sender, receiver) = oneshot::channel();
        self.threads.spawn(move || {
            let hashes = passwords
                .par_iter()
                .map(|password| hash(&argon2, password))
                .collect();
            // The receiver is gone only if the whole worker is going.
            let _: Result<(), Result<_, Error>> = sender.send(hashes);
        });
        receiver.await.map_err(|_| Error::Died)?
    }
}

thread_local! {
    /// Argon2's memory, kept from hash to hash: taking it anew costs as much as a third of the hash.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

fn hash(argon2: &Argon2<'_>, password: &Password) -> Result<String, Error> {
    let salt: [u8; SALT_BYTES] = random_bytes()?;
    let mut output = [0; HASH_BYTES];
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(argon2.params().block_count(), Block::default());
        argon2.hash_password_into_with_memory(password.expose().as_bytes(), &salt, &mut output, memory)
    })?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;
    use crate::password::Seed;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    #[tokio::test]
    async fn each_hash_verifies_its_own_password_and_has_its_own_salt() {
        let hasher = Hasher::start(CHEAP, 2).unwrap();
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
    async fn the_default_cost_stands_in_the_string() {
        let hasher = Hasher::start(Cost::default(), 1).unwrap();
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
                1
            ),
            Err(Error::Argon2(_))
        ));
    }
}

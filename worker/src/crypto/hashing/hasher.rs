//! The hashing threads.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use shared::contract::Id;
use tokio::sync::oneshot;

use super::{
    argon2id::{Argon2id, Choice, Implementation, SALT_BYTES},
    cost::Cost,
    error::Error,
};
use crate::{
    crypto::password::{Password, random_bytes},
    fair::FairQueue,
};

/// The hashing threads.
#[derive(Debug)]
pub struct Hasher {
    argon2id: Argon2id,
    threads: ThreadPool,
    queue: Arc<FairQueue<Waiting>>,
    busy: Arc<AtomicUsize>,
}

/// A password, and who waits for its hash.
#[derive(Debug)]
struct Waiting {
    password: Password,
    hash: oneshot::Sender<Result<String, Error>>,
}

impl Hasher {
    /// Chooses the implementation, starts the threads, and has each take the memory that it needs: a worker that has
    /// too little of it fails here, and not while it holds a message.
    pub fn start(cost: Cost, threads: usize, choice: Choice) -> Result<Self, Error> {
        let argon2id = Argon2id::new(cost, choice)?;
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("argon2-{index}"))
            // Without one, a panic while hashing would end the whole worker; with it, the batch learns that the thread
            // died.
            .panic_handler(|_| {})
            .build()?;
        threads
            .broadcast(|_| argon2id.hash(b"", &[0; SALT_BYTES]))
            .into_iter()
            .try_for_each(|hash| hash.map(drop))?;
        Ok(Self {
            argon2id,
            threads,
            queue: Arc::default(),
            busy: Arc::default(),
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

    /// Number of threads that hash a password now.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Hashes passwords of one tenant on all threads, in order, each with a random salt. All threads work on one batch at a time, the
    /// one that is first in the queue: while it commits they are busy with the next, instead of having both end at the same
    /// time.
    pub async fn hash(&self, tenant_id: Id, passwords: Vec<Password>) -> Result<Vec<String>, Error> {
        let (waiting, hashes): (Vec<_>, Vec<_>) = passwords
            .into_iter()
            .map(|password| {
                let (hash, receiver) = oneshot::channel();
                (Waiting { password, hash }, receiver)
            })
            .unzip();
        let count = waiting.len();
        self.queue.push(tenant_id, waiting);
        for _ in 0..count {
            self.hash_next();
        }
        let mut done = Vec::with_capacity(count);
        for hash in hashes {
            done.push(hash.await.map_err(|_| Error::Died)??);
        }
        Ok(done)
    }

    /// Has a thread hash the password that is first in the queue by then.
    fn hash_next(&self) {
        let (argon2id, queue) = (self.argon2id.clone(), Arc::clone(&self.queue));
        let busy = Arc::clone(&self.busy);
        self.threads.spawn_fifo(move || {
            let Some(Waiting {
                password,
                hash: sender,
            }) = queue.pop()
            else {
                return;
            };
            // Nobody waits any more for what belongs to a step that was given up.
            if !sender.is_closed() {
                let _busy = Busy::new(&busy);
                let _: Result<(), Result<_, Error>> = sender.send(hash(&argon2id, &password));
            }
        });
    }
}

/// Counts its thread as busy until it is dropped, even by a panic.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(threads: &'a AtomicUsize) -> Self {
        threads.fetch_add(1, Ordering::Relaxed);
        Self(threads)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
    use crate::crypto::password::Seed;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    fn tenant(id: i64) -> Id {
        Id::try_from(id).unwrap()
    }

    #[tokio::test]
    async fn each_hash_verifies_its_own_password_and_has_its_own_salt() {
        let hasher = Hasher::start(CHEAP, 2, Choice::Auto).unwrap();
        let seed = Seed::generate().unwrap();
        let passwords: Vec<Password> = (1..=9).map(|row| seed.password(row, false)).collect();
        let hashes = hasher.hash(tenant(1), passwords.clone()).await.unwrap();
        for (i, hash) in hashes.iter().enumerate() {
            for (j, password) in passwords.iter().enumerate() {
                let verified = Argon2::default().verify_password(password.expose().as_bytes(), hash.as_str());
                assert_eq!(verified.is_ok(), i == j);
            }
        }
        let again = hasher.hash(tenant(1), passwords).await.unwrap();
        assert!(hashes.iter().zip(&again).all(|(one, other)| one != other));
    }

    #[tokio::test]
    async fn a_small_batch_need_not_wait_for_a_large_one() {
        let hasher = Hasher::start(CHEAP, 2, Choice::Auto).unwrap();
        let seed = Seed::generate().unwrap();
        let passwords = |rows: u32| (1..=rows).map(|row| seed.password(row, false)).collect();
        let large = std::pin::pin!(hasher.hash(tenant(1), passwords(20_000)));
        let small = std::pin::pin!(hasher.hash(tenant(2), passwords(10)));
        // If both are done, the first counts.
        let done = select(large, small).await;
        assert!(matches!(done, Either::Right(_)));
    }

    #[tokio::test]
    async fn the_default_cost_stands_in_the_string() {
        let hasher = Hasher::start(Cost::default(), 1, Choice::Auto).unwrap();
        let hashes = hasher
            .hash(tenant(1), vec![Seed::generate().unwrap().password(1, false)])
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

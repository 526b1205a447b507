//! Argon2id in two implementations behind one function: password and salt go in, the raw hash comes out.
//!
//! The reference is that of the RustCrypto project. The fast one uses the processor's vector instructions and takes
//! about a third of the time, but it has had no independent audit: so it is used only after it has given the same bytes
//! as the reference on this very machine, whose processor decides which of its code runs.

use std::cell::RefCell;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use argon2_rust as fast;

use super::{cost::Cost, error::Error};

/// Length of a salt. Source: RFC 9106, section 3.1, recommends 16 bytes.
pub const SALT_BYTES: usize = 16;

/// Length of a hash. Source: RFC 9106, section 4, recommends 32 bytes.
pub const HASH_BYTES: usize = 32;

/// Passwords on which the implementations must agree: of our own two forms; one that fills more than one block of
/// BLAKE2b (128 bytes), with which Argon2 begins; bytes of all values that text may have.
const PROBES: [&str; 4] = [
    "493817205563",
    "mK7xWq2RtBn9HsVc",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567",
    "Grüße \u{7f}\u{0} 東京 🔑",
];

/// Which implementation hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Implementation {
    /// RustCrypto's `argon2`.
    Reference,
    /// `argon2-rust`.
    Fast,
}

impl Implementation {
    /// Its name in `ARGON2_IMPLEMENTATION`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Fast => "fast",
        }
    }
}

/// Which implementation is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Choice {
    /// The fast one if it gives the same bytes as the reference, else the reference
    #[default]
    Auto,
    /// RustCrypto's `argon2`
    Reference,
    /// `argon2-rust`; the worker does not start if its bytes differ
    Fast,
}

/// Argon2id of one cost.
#[derive(Debug, Clone)]
pub struct Argon2id {
    reference: Argon2<'static>,
    fast: fast::Argon2,
    implementation: Implementation,
}

impl Argon2id {
    /// Chooses the implementation. Takes the time of some hashes.
    pub fn new(cost: Cost, choice: Choice) -> Result<Self, Error> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES))?;
        let fast_params = fast::Params::builder()
            .memory(fast::params::Memory::kib(cost.memory_kib.into()))
            .passes(cost.passes)
            .lanes(cost.lanes)
            // Every core has a hash of its own to work on: no help from other threads.
            .threads(1)
            .build()?;
        let mut argon2id = Self {
            reference: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            fast: fast::Argon2::new(fast::Algorithm::Argon2id, fast::Version::V0x13, fast_params),
            implementation: Implementation::Reference,
        };
        argon2id.implementation = choose(choice, || {
            argon2id
                .agrees_with(|password, salt, output| Ok(argon2id.fast.hash_into(password, salt, output)?))
        })?;
        Ok(argon2id)
    }

    /// The implementation that was chosen.
    pub const fn implementation(&self) -> Implementation {
        self.implementation
    }

    pub(super) const fn params(&self) -> &Params {
        self.reference.params()
    }

    /// The hash, made in memory that the calling thread keeps for its next one.
    pub fn hash(&self, password: &[u8], salt: &[u8; SALT_BYTES]) -> Result<[u8; HASH_BYTES], Error> {
        let mut output = [0; HASH_BYTES];
        match self.implementation {
            Implementation::Reference => REFERENCE_MEMORY
                .with_borrow_mut(|memory| self.hash_by_reference(password, salt, &mut output, memory))?,
            Implementation::Fast => FAST_MEMORY.with_borrow_mut(|memory| {
                let hasher = memory.get_or_insert_with(|| self.fast.hasher());
                hasher.set_argon2(self.fast);
                hasher.hash_into(password, salt, &mut output)
            })?,
        }
        Ok(output)
    }

    fn hash_by_reference(
        &self,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
        memory: &mut Vec<Block>,
    ) -> Result<(), Error> {
        let blocks = self.params().block_count();
        // An ordinary allocation would end the process if there is too little memory.
        memory
            .try_reserve_exact(blocks.saturating_sub(memory.len()))
            .map_err(|_| Error::OutOfMemory)?;
        memory.resize(blocks, Block::default());
        Ok(self
            .reference
            .hash_password_into_with_memory(password, salt, output, memory)?)
    }

    /// Whether the other function gives the reference's bytes for every probe. Keeps no memory.
    fn agrees_with(
        &self,
        other: impl Fn(&[u8], &[u8], &mut [u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut memory = Vec::new();
        for (salt, password) in (1..).zip(PROBES) {
            let salt = [salt; SALT_BYTES];
            let (mut expected, mut given) = ([0; HASH_BYTES], [0; HASH_BYTES]);
            self.hash_by_reference(password.as_bytes(), &salt, &mut expected, &mut memory)?;
            match other(password.as_bytes(), &salt, &mut given) {
                Ok(()) if given == expected => {}
                Err(Error::OutOfMemory) => return Err(Error::OutOfMemory),
                Ok(()) | Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

// Allocating the memory anew for each hash costs as much as a third of the hash.
thread_local! {
    static REFERENCE_MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    static FAST_MEMORY: RefCell<Option<fast::Hasher>> = const { RefCell::new(None) };
}

fn choose(choice: Choice, fast_agrees: impl Fn() -> Result<bool, Error>) -> Result<Implementation, Error> {
    match choice {
        Choice::Reference => Ok(Implementation::Reference),
        Choice::Auto | Choice::Fast if fast_agrees()? => Ok(Implementation::Fast),
        Choice::Auto => {
            tracing::warn!(
                "the fast Argon2 does not compute the same bytes as the reference on this machine: using the reference"
            );
            Ok(Implementation::Reference)
        }
        Choice::Fast => Err(Error::Disagreement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    #[test]
    fn both_implementations_give_the_same_bytes() {
        let costs = [(64, 1, 1), (64, 3, 2), (97, 2, 3), (1024, 1, 4)];
        for (memory_kib, passes, lanes) in costs {
            let cost = Cost {
                memory_kib,
                passes,
                lanes,
            };
            let [reference, fast] =
                [Choice::Reference, Choice::Fast].map(|choice| Argon2id::new(cost, choice).unwrap());
            for length in [0, 1, 16, 127, 128, 129, 1000] {
                let password = vec![b'x'; length];
                assert_eq!(
                    reference.hash(&password, &[7; SALT_BYTES]).unwrap(),
                    fast.hash(&password, &[7; SALT_BYTES]).unwrap(),
                    "{cost:?}, {length} bytes"
                );
            }
        }
    }

    #[test]
    fn auto_takes_the_fast_one_here() {
        let chosen = |choice| Argon2id::new(CHEAP, choice).unwrap().implementation();
        assert_eq!(chosen(Choice::Auto), Implementation::Fast);
        assert_eq!(chosen(Choice::Reference), Implementation::Reference);
    }

    #[test]
    fn one_wrong_bit_or_a_refusal_is_a_disagreement() {
        let argon2id = Argon2id::new(CHEAP, Choice::Reference).unwrap();
        let right = |password: &[u8], salt: &[u8], output: &mut [u8]| {
            Ok(argon2id.reference.hash_password_into(password, salt, output)?)
        };
        let wrong_for_long = |password: &[u8], salt: &[u8], output: &mut [u8]| {
            right(password, salt, output)?;
            output[31] ^= u8::from(password.len() > 100);
            Ok(())
        };
        assert!(argon2id.agrees_with(right).unwrap());
        assert!(!argon2id.agrees_with(wrong_for_long).unwrap());
        assert!(!argon2id.agrees_with(|_, _, _| Err(Error::Died)).unwrap());
    }

    #[test]
    fn after_a_disagreement_auto_falls_back_and_fast_refuses() {
        assert_eq!(
            choose(Choice::Auto, || Ok(false)).unwrap(),
            Implementation::Reference
        );
        assert!(matches!(
            choose(Choice::Fast, || Ok(false)),
            Err(Error::Disagreement)
        ));
    }
}

//! Why no hash was made.

/// Why no hash was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cost is out of Argon2's bounds.
    #[error("argon2 refuses the cost or the input: {0}")]
    Argon2(#[from] argon2::Error),
    /// The same, of the fast implementation.
    #[error("argon2 refuses the cost or the input: {0}")]
    Fast(argon2_rust::Error),
    /// The system gives no memory for a hash.
    #[error("too little memory for Argon2: every hashing thread needs the memory of one hash")]
    OutOfMemory,
    /// The fast implementation was required, but is wrong.
    #[error("the fast Argon2 does not compute the same bytes as the reference on this machine")]
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

impl From<argon2_rust::Error> for Error {
    fn from(error: argon2_rust::Error) -> Self {
        match error {
            argon2_rust::Error::MemoryAllocationError => Self::OutOfMemory,
            error => Self::Fast(error),
        }
    }
}

//! Temporary passwords: a seed and a row number go in, the row's password comes out, the same each time.
//!
//! A password is made again whenever its row is hashed or reported, so that its plaintext is kept nowhere. What it is
//! made of must therefore never change while an import is open: the key stream is that of ChaCha20 (Bernstein's, with a
//! 64-bit stream number, here the row), and the selection is written out here, because a library's idea of a random
//! choice may change with its version.

use rand::{
    TryRng,
    rand_core::{Rng, SeedableRng},
    rngs::{ChaCha20Rng, SysRng},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Letters and digits without look-alikes (`0 O o`, `1 I l i`).
const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";

/// 55 characters: 16 of them are 92 bits.
const LETTERS_AND_DIGITS_LENGTH: usize = 16;

const DIGITS: &[u8] = b"0123456789";

/// Without 0, which a spreadsheet drops from the front of a number.
const FIRST_DIGITS: &[u8] = b"123456789";

const DIGITS_LENGTH: usize = 12;

/// A temporary password. Wiped from memory after use, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The plaintext: for the hash and for the success CSV only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// The random 32 bytes from which all passwords of one attempt are made.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; Self::BYTES]);

impl Seed {
    /// Length of a seed: the key length of ChaCha20.
    pub const BYTES: usize = 32;

    /// A new seed from the operating system's randomness.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        // In place: a copy on the stack would not be wiped.
        let mut seed = Self([0; Self::BYTES]);
        SysRng.try_fill_bytes(&mut seed.0)?;
        Ok(seed)
    }

    /// The seed of these bytes.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The seed of these bytes, if there are as many as a seed has; they are copied nowhere else.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut seed = Self([0; Self::BYTES]);
        (bytes.len() == Self::BYTES).then(|| {
            seed.0.copy_from_slice(bytes);
            seed
        })
    }

    /// The bytes: for sealing only.
    pub const fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The password of a row.
    pub fn password(&self, row: u32, digits_only: bool) -> Password {
        let mut stream = ChaCha20Rng::from_seed(self.0);
        stream.set_stream(u64::from(row));
        let (first, rest, length) = if digits_only {
            (FIRST_DIGITS, DIGITS, DIGITS_LENGTH)
        } else {
            (LETTERS_AND_DIGITS, LETTERS_AND_DIGITS, LETTERS_AND_DIGITS_LENGTH)
        };
        let mut password = Zeroizing::new(String::with_capacity(length));
        password.push(select(&mut stream, first));
        for _ in 1..length {
            password.push(select(&mut stream, rest));
        }
        Password(password)
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed([redacted])")
    }
}

/// Picks a character of the alphabet without bias: bytes beyond the last whole multiple of its length are skipped.
fn select(stream: &mut ChaCha20Rng, alphabet: &[u8]) -> char {
    let fair = 256 - 256 % alphabet.len();
    loop {
        let [byte, ..] = stream.next_u32().to_le_bytes();
        let number = usize::from(byte);
        if number < fair
            && let Some(character) = alphabet.get(number % alphabet.len())
        {
            return char::from(*character);
        }
    }
}

/// Random bytes from the operating system, for salts and nonces.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], rand::rngs::SysError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn seed() -> Seed {
        Seed::from_bytes(std::array::from_fn(|i| u8::try_from(i).unwrap()))
    }

    #[test]
    fn the_password_of_a_row_never_changes() {
        // Known answers, from another implementation of ChaCha20 and of the selection. If this fails, imports that are
        // open during an upgrade would get wrong passwords.
        let made: Vec<String> = [(1, false), (2, false), (500, false), (1, true), (2, true)]
            .into_iter()
            .map(|(row, digits_only)| seed().password(row, digits_only).expose().to_owned())
            .collect();
        assert_eq!(
            made,
            [
                "2b7RDXGgEsAARZB4",
                "fXVvEkGJfzcmnKnE",
                "2j6SkCFMVuytg288",
                "302539660495",
                "464798684169"
            ]
        );
    }

    #[test]
    fn rows_and_seeds_have_passwords_of_their_own() {
        let other = Seed::generate().unwrap();
        let made: HashSet<String> = (1..=500)
            .flat_map(|row| [seed().password(row, false), other.password(row, false)])
            .map(|password| password.expose().to_owned())
            .collect();
        assert_eq!(made.len(), 1000);
    }

    #[test]
    fn passwords_have_their_length_and_no_look_alikes() {
        for row in 1..=2000 {
            let letters = seed().password(row, false);
            assert_eq!(letters.expose().len(), 16);
            assert!(
                letters
                    .expose()
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() && !"0Oo1Iil".contains(c))
            );
            let digits = seed().password(row, true);
            assert_eq!(digits.expose().len(), 12);
            assert!(digits.expose().chars().all(|c| c.is_ascii_digit()) && !digits.expose().starts_with('0'));
        }
    }

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        let mut counts = BTreeMap::<char, u32>::new();
        for row in 1..=20_000 {
            for character in seed().password(row, false).expose().chars() {
                *counts.entry(character).or_default() += 1;
            }
        }
        let expected = f64::from(20_000 * 16) / 55.0;
        let chi_squared: f64 = counts
            .values()
            .map(|n| (f64::from(*n) - expected).powi(2) / expected)
            .sum();
        assert_eq!(counts.len(), 55);
        // 54 degrees of freedom: above 100 once in 7,000 seeds, and this seed is fixed. A modulo bias gives thousands.
        assert!(chi_squared < 100.0, "{chi_squared}");
    }

    #[test]
    fn what_passwords_are_made_of_is_wiped() {
        // The generator's state reveals a password, and is wiped only with a feature that another crate switches on.
        fn assert_wiped<T: ZeroizeOnDrop>() {}
        assert_wiped::<Seed>();
        assert_wiped::<ChaCha20Rng>();
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(
            format!("{:?} {:?}", seed(), seed().password(1, false)),
            "Seed([redacted]) Password([redacted])"
        );
    }
}

//! Tokens: which turn a frame belongs to.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Names the turn or request that a frame belongs to.
///
/// It is drawn at random, so that what one turn's code leaves in the socket cannot
/// pass for part of another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u64);

impl Token {
    /// The token of frames that belong to no turn.
    pub const NONE: Self = Self(0);

    /// Draws a token from the host kernel's randomness.
    ///
    /// # Errors
    /// There is no randomness to be had.
    pub fn generate() -> io::Result<Self> {
        loop {
            let mut bytes = [0; 8];
            let filled = getrandom(&mut bytes, GetRandomFlags::empty())?;
            let token = Self(u64::from_le_bytes(bytes));
            if filled == bytes.len() && token != Self::NONE {
                return Ok(token);
            }
        }
    }

    /// The token with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

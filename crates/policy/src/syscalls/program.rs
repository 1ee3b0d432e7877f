//! A compiled filter: instructions of the kernel's classic BPF machine.

use serde::{Deserialize, Serialize};

/// The most instructions that the kernel takes.
pub const INSTRUCTIONS_MAX: usize = 4096;

/// One instruction, as `struct sock_filter` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if a comparison holds.
    pub jt: u8,
    /// How many instructions to skip if it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// Operation codes: the few that our filters use.
pub(super) mod code {
    /// Loads the 32-bit word at offset `k` of the call's data.
    pub(crate) const LOAD: u16 = 0x20;
    /// Clears the bits that are not in `k`.
    pub(crate) const AND: u16 = 0x54;
    /// Skips `k` instructions.
    pub(crate) const JUMP: u16 = 0x05;
    /// Compares for equality with `k`.
    pub(crate) const IF_EQUAL: u16 = 0x15;
    /// Compares, unsigned, for being at least `k`.
    pub(crate) const IF_AT_LEAST: u16 = 0x35;
    /// Ends with the answer `k`.
    pub(crate) const RETURN: u16 = 0x06;
}

/// Answers that end a filter.
pub(super) mod answer {
    /// The call is made.
    pub(crate) const ALLOW: u32 = 0x7fff_0000;
    /// The call returns the error in the low 16 bits.
    pub(crate) const ERRNO: u32 = 0x0005_0000;
    /// The process dies.
    pub(crate) const KILL_PROCESS: u32 = 0x8000_0000;
}

/// A filter, ready for the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Instruction>", into = "Vec<Instruction>")]
pub struct FilterProgram {
    instructions: Vec<Instruction>,
}

/// The program is empty or longer than the kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a filter of {length} instructions: the kernel takes 1 to {INSTRUCTIONS_MAX}")]
pub struct InvalidLength {
    /// How long it is.
    pub length: usize,
}

impl FilterProgram {
    /// For the compiler, whose programs are far below the limit.
    pub(super) const fn of(instructions: Vec<Instruction>) -> Self {
        Self { instructions }
    }

    /// The instructions, 1 to [`INSTRUCTIONS_MAX`].
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }
}

impl TryFrom<Vec<Instruction>> for FilterProgram {
    type Error = InvalidLength;

    fn try_from(instructions: Vec<Instruction>) -> Result<Self, InvalidLength> {
        match instructions.len() {
            1..=INSTRUCTIONS_MAX => Ok(Self { instructions }),
            length => Err(InvalidLength { length }),
        }
    }
}

impl From<FilterProgram> for Vec<Instruction> {
    fn from(program: FilterProgram) -> Self {
        program.instructions
    }
}

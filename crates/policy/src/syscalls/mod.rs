//! Which system calls a program may make: the table, the filter compiled of it,
//! and a second reading of the table to check the filter against.
//!
//! The table is `profiles/syscalls.toml`, made into Rust when this crate is
//! built; nothing is parsed at run time. [`compile`] makes the program that the
//! kernel runs before every call. [`model`] answers the same question by walking
//! the table and shares no code with the compiler; the tests hold the two
//! together. Nothing here touches the kernel.

mod assemble;
mod compile;
mod errno;
mod evaluate;
mod markdown;
mod model;
mod program;
mod table;

pub use compile::{compile, compile_for_zygote};
pub use evaluate::{SyscallData, evaluate, trace};
pub use markdown::markdown;
pub use model::model;
pub use program::{FilterProgram, INSTRUCTIONS_MAX, Instruction, InvalidLength};
pub use table::{Call, Case, Condition, Half, Rule, Ruling, Verdict, call, calls};

/// A processor whose system calls we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

impl Arch {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The one we run on.
    #[cfg(target_arch = "x86_64")]
    pub const HOST: Self = Self::X86_64;
    /// The one we run on.
    #[cfg(target_arch = "aarch64")]
    pub const HOST: Self = Self::Aarch64;

    /// What the kernel calls it in the data that a filter sees: its ELF machine
    /// number with the bits for 64-bit and little-endian.
    #[must_use]
    pub const fn audit(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::Aarch64 => 0xc000_00b7,
        }
    }
}

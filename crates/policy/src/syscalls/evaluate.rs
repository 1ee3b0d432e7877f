//! Runs a filter as the kernel would: for tests and for explaining a verdict.
//! Takes any program without panicking; one that the kernel would not take
//! kills, as a filter that gives no answer must.

use super::{
    Verdict,
    program::{FilterProgram, Instruction, answer, code},
};

/// What a filter sees of a system call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyscallData {
    /// The number.
    pub nr: u32,
    /// The processor that the number is for, as [`super::Arch::audit`] has it.
    pub arch: u32,
    /// The arguments as they are in the registers.
    pub args: [u64; 6],
}

impl SyscallData {
    /// The 32-bit word at an offset of `struct seccomp_data`, little-endian. The
    /// instruction pointer, which no filter of ours looks at, is 0.
    fn word(&self, offset: u32) -> Option<u32> {
        match offset {
            0 => Some(self.nr),
            4 => Some(self.arch),
            8 | 12 => Some(0),
            _ => {
                let at = usize::try_from(offset.checked_sub(16)?).ok()?;
                let bytes = self.args.get(at / 8)?.to_le_bytes();
                let half = bytes.get(at % 8..at % 8 + 4).filter(|_| at % 4 == 0)?;
                half.try_into().ok().map(u32::from_le_bytes)
            }
        }
    }
}

/// What a filter makes of a system call.
#[must_use]
pub fn evaluate(program: &FilterProgram, data: &SyscallData) -> Verdict {
    trace(program, data, |_| {})
}

/// What a filter makes of a system call, and by which instructions: `visit` gets
/// the index of each that is run.
pub fn trace(program: &FilterProgram, data: &SyscallData, mut visit: impl FnMut(usize)) -> Verdict {
    let (mut at, mut word) = (0_usize, 0_u32);
    while let Some(instruction) = program.instructions().get(at) {
        visit(at);
        let Instruction { code, jt, jf, k } = *instruction;
        let choose = |holds| usize::from(if holds { jt } else { jf });
        let skip = match code {
            code::LOAD => match data.word(k) {
                Some(loaded) => {
                    word = loaded;
                    0
                }
                None => break,
            },
            code::AND => {
                word &= k;
                0
            }
            code::JUMP => usize::try_from(k).unwrap_or(usize::MAX),
            code::IF_EQUAL => choose(word == k),
            code::IF_AT_LEAST => choose(word >= k),
            code::RETURN => return verdict(k),
            _ => break,
        };
        at = at.saturating_add(1).saturating_add(skip);
    }
    Verdict::KillProcess
}

fn verdict(answer: u32) -> Verdict {
    let number = u16::try_from(answer & 0xffff).unwrap_or_default();
    match answer & 0xffff_0000 {
        answer::ALLOW => Verdict::Allow,
        answer::ERRNO => Verdict::Errno(number),
        _ => Verdict::KillProcess,
    }
}

//! Installs a system-call filter.

use std::{ffi::c_long, io, ptr};

/// One instruction of classic BPF, laid out as the host kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip where a comparison holds.
    pub jt: u8,
    /// Instructions to skip where it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

#[repr(C)]
struct Program {
    length: u16,
    instructions: *const Instruction,
}

const SECCOMP_SET_MODE_FILTER: c_long = 1;

/// Filters every further system call of this process and of all its descendants.
/// There is no way back.
///
/// # Errors
/// `EINVAL` for a program that the host kernel finds invalid or too long,
/// `EACCES` without `no_new_privs`.
pub fn install(instructions: &[Instruction]) -> io::Result<()> {
    let length = u16::try_from(instructions.len())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let program = Program { length, instructions: instructions.as_ptr() };
    // SAFETY: the kernel reads `length` instructions, which is the slice's length,
    // and copies them before it returns. `Program` has the layout of `sock_fprog`.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            SECCOMP_SET_MODE_FILTER,
            0 as c_long,
            ptr::from_ref(&program),
        )
    };
    crate::checked(result).map(drop)
}

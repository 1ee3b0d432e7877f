//! Takes over descriptors that a program was started with.

use std::{
    collections::BTreeSet,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
};

/// The descriptors that came through `execve`, not yet owned by anybody.
#[derive(Debug)]
pub struct Inherited {
    taken: BTreeSet<RawFd>,
}

static CLAIMED: AtomicBool = AtomicBool::new(false);

impl Inherited {
    /// Claims all of them. The caller must not have opened anything before,
    /// which is why only the first statement of a program should do this.
    ///
    /// # Errors
    /// They were claimed before.
    pub fn claim() -> io::Result<Self> {
        if CLAIMED.swap(true, Ordering::SeqCst) {
            return Err(io::Error::other("the inherited descriptors were claimed before"));
        }
        Ok(Self { taken: BTreeSet::new() })
    }

    /// Takes one by its number, and marks it close-on-exec.
    ///
    /// # Errors
    /// It is not open, is one of the three standard streams, or was taken before.
    pub fn take(&mut self, number: RawFd) -> io::Result<OwnedFd> {
        let bad = || io::Error::from_raw_os_error(libc::EBADF);
        if number <= 2 || !self.taken.insert(number) {
            return Err(bad());
        }
        // SAFETY: asks for flags of a number; a bad number is an error.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        crate::checked(flags.into())?;
        // SAFETY: the descriptor is open, came through `execve` and so has no owner
        // in this program, and `taken` keeps us from giving it out twice.
        let owned = unsafe { OwnedFd::from_raw_fd(number) };
        rustix::io::fcntl_setfd(&owned, rustix::io::FdFlags::CLOEXEC)?;
        Ok(owned)
    }

    /// Closes every descriptor above the standard streams that was not taken.
    ///
    /// # Errors
    /// `close_range` failed: the host kernel is older than 5.9.
    pub fn close_rest(self) -> io::Result<()> {
        let mut first: RawFd = 3;
        for number in self.taken.into_iter().chain([RawFd::MAX]) {
            if first < number {
                close_range(first, number - 1)?;
            }
            first = number.saturating_add(1);
        }
        Ok(())
    }
}

fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    // SAFETY: either nobody in this program owns a descriptor of the range, as none
    // of it was taken; or the process ends without another use of those it owned.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    crate::checked(result).map(drop)
}

/// Ends this process with what `work` returns, which runs with nothing open but
/// the standard streams: `stdin`, `stdout` and `stderr`.
///
/// `work` may open files; it must not use a descriptor that was open before.
///
/// # Errors
/// The descriptors could not be rearranged. Nothing was run.
pub fn end_with_streams_only<const N: usize>(
    streams: [BorrowedFd<'_>; 3],
    work: impl FnOnce([&std::ffi::OsStr; N]) -> i32,
    words: [&std::ffi::OsStr; N],
) -> io::Result<std::convert::Infallible> {
    for (number, stream) in (0..).zip(streams) {
        // SAFETY: the numbers 0 to 2 are owned by nobody: std only ever borrows them.
        let result = unsafe { libc::dup2(stream.as_raw_fd(), number) };
        crate::checked(result.into())?;
    }
    close_range(3, RawFd::MAX)?;
    crate::signal::exit_now(work(words))
}

//! What takes longer to end than anybody waits for it.
//!
//! A sandbox with much memory, or on a machine with too much to do, is not gone when its
//! end was waited for. Its id and its cgroup are nobody else's until it is.

use std::{
    mem::ManuallyDrop,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{WaitId, WaitIdOptions, waitid},
};

/// Keeps something until a process that was killed is gone. Where nobody can wait for that,
/// it is kept for good.
pub(crate) fn keep_until_gone<T: Send + 'static>(pidfd: BorrowedFd<'_>, held: T) {
    let held = ManuallyDrop::new(held);
    let Ok(pidfd) = pidfd.try_clone_to_owned() else { return };
    let wait = move || {
        wait_for_end(&pidfd);
        drop(ManuallyDrop::into_inner(held));
    };
    let _ = thread::Builder::new().name("reaper".to_owned()).spawn(wait);
}

fn wait_for_end(pidfd: &OwnedFd) {
    while poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None) == Err(rustix::io::Errno::INTR) {}
    // Where it is no child of ours, somebody else does it.
    let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::mpsc};

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::*;

    #[test]
    fn what_is_held_is_let_go_after_the_end() {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let (held, let_go) = mpsc::channel::<()>();
        keep_until_gone(pidfd.as_fd(), held);
        let waiting = std::time::Duration::from_millis(50);
        assert_eq!(let_go.recv_timeout(waiting), Err(mpsc::RecvTimeoutError::Timeout));
        pidfd_send_signal(&pidfd, Signal::KILL).unwrap();
        assert_eq!(let_go.recv(), Err(mpsc::RecvError));
        // It was reaped, too.
        assert!(rustix::process::test_kill_process(pid).is_err());
    }
}

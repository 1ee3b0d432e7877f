//! What takes longer to end than anybody waits for it.
//!
//! A sandbox with much memory, or on a machine with too much to do, is not gone when its
//! end was waited for. Its id and its cgroup are nobody else's until it is.

use std::{
    mem::ManuallyDrop,
    os::fd::{AsFd, BorrowedFd},
    thread,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{WaitId, WaitIdOptions, waitid},
};

/// How long a program that ends when its sandbox has ended waits for it: after that, nobody is
/// there who could let go of anything.
const LAST_TIME_MAX: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Keeps something until a process that was killed is gone. Where nobody can wait for that,
/// it is kept for good.
pub(crate) fn keep_until_gone<T: Send + 'static>(pidfd: BorrowedFd<'_>, held: T) {
    let is_first_thread = rustix::thread::gettid() == rustix::process::getpid();
    if is_first_thread && wait_for_end(pidfd, Some(&LAST_TIME_MAX)) {
        return drop(held);
    }
    let held = ManuallyDrop::new(held);
    let Ok(pidfd) = pidfd.try_clone_to_owned() else { return };
    let wait = move || {
        wait_for_end(pidfd.as_fd(), None);
        drop(ManuallyDrop::into_inner(held));
    };
    let _ = thread::Builder::new().name("reaper".to_owned()).spawn(wait);
}

/// Waits, and reaps it where it is a child of ours; says whether it has ended.
fn wait_for_end(pidfd: BorrowedFd<'_>, limit: Option<&Timespec>) -> bool {
    let ended = loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], limit) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            ended => break ended,
        }
    };
    let _ = waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    ended == Ok(1)
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::mpsc};

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "what is tested reaps it")]
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

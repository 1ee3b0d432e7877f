//! A copy of the manager that becomes the init of a further pid namespace inside
//! a forked sandbox, and runs something there as the init of a launch does.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::ExitCode,
};

use sys::fork::Birth;

use super::{Init, Orders, errno, stage::Parcel};
use crate::wire::{self, FromInit};

/// Tells whoever wanted to enter that it cannot be.
pub(super) fn refuse(parcel: &Parcel, errno: i32) {
    if let Some(control) = parcel.channels.first() {
        // Whoever has gone meanwhile needs no answer, and the others' sandboxes go on.
        let _ = wire::send(control.as_fd(), &FromInit::Failed { step: 0, errno }, &[]);
    }
}

/// Enters, starts the init, and gives an exit status.
pub(super) fn run(manager: &Init, kernel: BorrowedFd<'_>, parcel: Parcel) -> i32 {
    let Parcel { orders, mut channels, inherited } = parcel;
    let cgroups = channels.split_off(1);
    let Some(control) = channels.pop() else { return 1 };
    let told = |error: &io::Error| {
        let message = FromInit::Failed { step: 0, errno: errno(error) };
        i32::from(wire::send(control.as_fd(), &message, &[]).is_err())
    };
    // Both speak on one channel, and the init may be faster than we are.
    let (mut turn, word) = match io::pipe() {
        Ok(pipe) => pipe,
        Err(error) => return told(&error),
    };
    match become_init(manager, kernel, cgroups) {
        Err(error) => told(&error),
        Ok(Birth::Parent(pidfd)) => {
            i32::from(wire::send(control.as_fd(), &FromInit::Entered, &[pidfd.as_fd()]).is_err())
        }
        Ok(Birth::Child) => {
            drop(word);
            // It ends when the other one has spoken, or is gone.
            let spoken = turn.read(&mut [0]);
            drop(turn);
            let inside = spoken
                .and_then(|_| Orders::read(orders))
                .and_then(|orders| Ok(manager.inside(control.try_clone()?, orders, inherited)));
            match inside.map(Init::live) {
                Ok(code) => i32::from(code != ExitCode::SUCCESS),
                Err(error) => told(&error),
            }
        }
    }
}

fn become_init(manager: &Init, kernel: BorrowedFd<'_>, cgroups: Vec<OwnedFd>) -> io::Result<Birth> {
    for cgroup in cgroups {
        // "0" means whoever writes it.
        File::from(cgroup).write_all(b"0")?;
    }
    sys::namespace::enter(kernel)?;
    manager.alone.fork_sibling_as_init()
}

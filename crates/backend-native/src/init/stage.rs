//! The manager of a zygote: init of the namespaces that a parked interpreter is in.
//!
//! It keeps capabilities over these namespaces alone, and uses them for what the
//! interpreter must not do itself: it writes the id maps of what is forked, and
//! sends copies of itself into it, to build its mounts or to run something else
//! there. It reaps every forked sandbox's first process and tells how that ended.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair},
    process::{Pid, WaitOptions, WaitStatus, wait},
};
use sys::fork::Fork;

use super::{
    Init, Orders, builder, enter, errno,
    script::Script,
    zygote::{Gifts, Newborn, Zygote},
};
use crate::{
    identity::INSIDE,
    wire::{self, FromInit, Status, ToInit},
};

/// Descriptors that come with every fork: orders, control, standard output and error.
const FORK_DESCRIPTORS: usize = 4;
/// What comes with every order to show more: its orders.
const FURNISH_DESCRIPTORS: usize = 1;
/// Those that come with every entry: orders and control.
const ENTER_DESCRIPTORS: usize = 2;

/// The manager's state.
pub(super) struct Stage<'a> {
    pub(super) init: &'a Init,
    zygote: Zygote,
    kernels: BTreeMap<u32, Newborn>,
    /// Our own pid namespace: the one that children are usually born in.
    pids: File,
}

/// What came with an order to fork or to enter, besides what always does.
pub(super) struct Parcel {
    pub(super) orders: OwnedFd,
    /// Of a fork: control, standard output and error, cgroups. Of an entry: control,
    /// cgroups. Of an order to show more: nothing.
    pub(super) channels: Vec<OwnedFd>,
    /// The rest, by the numbers that the orders have for it.
    pub(super) inherited: Vec<(i32, OwnedFd)>,
}

/// Starts the interpreter and serves the host side until it is gone.
pub(super) fn run(init: &Init, namespaces: u64) -> io::Result<()> {
    let ends = sys::signal::child_ends()?;
    let pids = File::open("/proc/self/ns/pid")?;
    let zygote = Zygote::start(init, namespaces)?;
    let mut stage = Stage { init, zygote, kernels: BTreeMap::new(), pids };
    loop {
        let [said, spoke, ended] = stage.wait(&ends)?;
        if ended {
            let mut records = [0; 1024];
            let _ = rustix::io::read(ends.as_fd(), &mut records);
            stage.reap()?;
        }
        if spoke {
            stage.listen()?;
        }
        if said && !stage.obey()? {
            return Ok(());
        }
    }
}

impl Stage<'_> {
    /// Waits until the host side has said something, the interpreter has, or a
    /// child has ended.
    fn wait(&self, ends: &OwnedFd) -> io::Result<[bool; 3]> {
        let control = PollFd::new(&self.init.control, PollFlags::IN | PollFlags::RDHUP);
        let ends = PollFd::new(ends, PollFlags::IN);
        let mut waits = vec![control, ends];
        let socket = self.zygote.socket();
        if self.zygote.is_alive {
            waits.push(PollFd::from_borrowed_fd(socket, PollFlags::IN));
        }
        loop {
            match poll(&mut waits, None) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        let is_ready = |place: usize| waits.get(place).is_some_and(|w| !w.revents().is_empty());
        Ok([is_ready(0), is_ready(2), is_ready(1)])
    }

    fn say(&self, message: &FromInit, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        wire::send(self.init.control.as_fd(), message, descriptor.as_slice())
    }

    fn listen(&mut self) -> io::Result<()> {
        match self.zygote.complaints() {
            Some(complaints) => self.say(&FromInit::Parked { complaints }, None),
            // The end of the process says it.
            None => Ok(()),
        }
    }

    fn reap(&mut self) -> io::Result<()> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.ended(pid, status)?,
                Err(Errno::INTR) => {}
                Ok(None) | Err(Errno::CHILD) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn ended(&mut self, pid: Pid, status: WaitStatus) -> io::Result<()> {
        if pid == self.zygote.pid {
            self.zygote.is_alive = false;
            return self.say(&FromInit::ZygoteGone, None);
        }
        let number = self.kernels.iter().find(|(_, kernel)| kernel.pid == pid);
        let Some(number) = number.map(|(number, _)| *number) else { return Ok(()) };
        self.kernels.remove(&number);
        let exited = status.exit_status().map(Status::Exited);
        let signaled = || status.terminating_signal().map(Status::Signaled);
        match exited.or_else(signaled) {
            Some(status) => self.say(&FromInit::KernelEnded { number, status }, None),
            None => Ok(()),
        }
    }

    /// Does what the host side says; false once it is gone.
    fn obey(&mut self) -> io::Result<bool> {
        let Some(packet) = wire::receive(&self.init.control, RecvFlags::empty())? else {
            return Ok(false);
        };
        match packet.decode()? {
            ToInit::Fork { number, id, cgroups, descriptors } => {
                let count = FORK_DESCRIPTORS + usize::from(cgroups);
                let parcel = Parcel::open(packet.descriptors, count, &descriptors);
                if let Err(error) = parcel.and_then(|parcel| self.fork(number, id, parcel)) {
                    // Whoever learns that it failed knows by then whether another may not.
                    if !self.zygote.is_alive {
                        self.say(&FromInit::ZygoteGone, None)?;
                    }
                    let errno = errno(&error);
                    self.say(&FromInit::NotBuilt { number, step: None, errno }, None)?;
                }
            }
            ToInit::Enter { number, cgroups, descriptors } => {
                let count = ENTER_DESCRIPTORS + usize::from(cgroups);
                // Whoever wanted to enter learns it by the end of the control socket.
                if let Ok(parcel) = Parcel::open(packet.descriptors, count, &descriptors) {
                    self.enter(number, parcel);
                }
            }
            ToInit::Furnish { number, descriptors } => {
                let parcel = Parcel::open(packet.descriptors, FURNISH_DESCRIPTORS, &descriptors);
                if let Err(error) = parcel.and_then(|parcel| self.furnish(number, parcel)) {
                    let errno = errno(&error);
                    self.say(&FromInit::NotBuilt { number, step: None, errno }, None)?;
                }
            }
            ToInit::Retire => self.zygote.end(),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(true)
    }

    fn fork(&mut self, number: u32, id: (u32, u32), parcel: Parcel) -> io::Result<()> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let plan = Orders::read(parcel.orders)?.plan;
        let script = Script::new(&plan, builder::confinement(&plan))?;
        let gifts = Gifts { setup: theirs.as_fd(), rest: &parcel.channels };
        let newborn = self.zygote.fork(&gifts, &script)?;
        drop((theirs, parcel.channels));
        map(newborn.pid, id)?;
        self.say(&FromInit::Born { number }, Some(newborn.pidfd.as_fd()))?;
        if let Fork::Child = self.fork_among(&newborn)? {
            let site = builder::Site {
                number,
                kernel: newborn.pidfd.as_fd(),
                setup: &ours,
                plan,
                script: &script,
                inherited: parcel.inherited,
            };
            sys::signal::exit_now(builder::run(self.init, site));
        }
        self.kernels.insert(number, newborn);
        Ok(())
    }

    fn furnish(&mut self, number: u32, parcel: Parcel) -> io::Result<()> {
        let kernel = self.kernels.get(&number).ok_or(Errno::SRCH)?;
        let plan = Orders::read(parcel.orders)?.plan;
        if let Fork::Child = self.init.alone.fork()? {
            let (kernel, inherited) = (kernel.pidfd.as_fd(), parcel.inherited);
            let site = builder::Furnishing { number, kernel, plan, inherited };
            sys::signal::exit_now(builder::furnish(self.init, site));
        }
        Ok(())
    }

    fn enter(&mut self, number: u32, parcel: Parcel) {
        let Some(kernel) = self.kernels.get(&number) else {
            return enter::refuse(&parcel, Errno::SRCH.raw_os_error());
        };
        match self.fork_among(kernel) {
            Ok(Fork::Child) => {
                let status = enter::run(self.init, kernel.pidfd.as_fd(), parcel);
                sys::signal::exit_now(status)
            }
            Ok(Fork::Parent(_)) => {}
            Err(error) => enter::refuse(&parcel, errno(&error)),
        }
    }

    /// Makes a copy of this process among the process ids of a forked sandbox: only
    /// such a one may mount a `/proc` of theirs.
    fn fork_among(&self, kernel: &Newborn) -> io::Result<Fork> {
        sys::namespace::enter_pids_for_children(kernel.pidfd.as_fd())?;
        let forked = self.init.alone.fork();
        if matches!(forked, Ok(Fork::Child)) {
            return forked;
        }
        // The next sandbox must not be born in this one: better no manager than that.
        if sys::namespace::enter_pids_for_children(self.pids.as_fd()).is_err() {
            sys::signal::exit_now(1);
        }
        forked
    }
}

impl Parcel {
    fn open(descriptors: Vec<OwnedFd>, fixed: usize, numbers: &[i32]) -> io::Result<Self> {
        if descriptors.len() != fixed + numbers.len() {
            // We are out of them, and the host kernel left the rest out.
            return Err(Errno::MFILE.into());
        }
        let mut descriptors = descriptors.into_iter();
        let orders = descriptors.next().ok_or(io::ErrorKind::InvalidData)?;
        let channels = descriptors.by_ref().take(fixed - 1).collect();
        let inherited = numbers.iter().copied().zip(descriptors).collect();
        Ok(Self { orders, channels, inherited })
    }
}

/// Writes the id maps of a forked sandbox.
fn map(pid: Pid, id: (u32, u32)) -> io::Result<()> {
    let place = format!("/proc/{}", pid.as_raw_nonzero());
    fs::write(format!("{place}/gid_map"), format!("{INSIDE} {} 1\n", id.1))?;
    fs::write(format!("{place}/uid_map"), format!("{INSIDE} {} 1\n", id.0))
}

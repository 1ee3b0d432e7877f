//! Init: the first process inside a sandbox.
//!
//! Our own binary, executed again in new namespaces with no env vars and one
//! thread. It applies the plan, runs the payload's steps as children, reaps, and
//! tells the host side how they ended. After the set-up it is as confined as the
//! payload, cannot be traced, and ends when the host side does.

mod builder;
mod enter;
mod files;
mod lockdown;
mod opener;
mod payload;
mod probe;
mod root;
mod script;
mod setup;
mod stage;
mod zygote;

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd, RawFd},
    process::ExitCode,
};

use serde::{Deserialize, Serialize};
use sys::{fork::SingleThreaded, inherited::Inherited};

use crate::{
    plan::Plan,
    wire::{self, FromInit, ToInit},
};

/// The name that init goes by in process lists: neutral, as it can be read inside.
pub(crate) const NAME: &str = "init";

/// What init can do besides running programs, given by the binary that embeds it.
#[derive(Clone, Copy, Debug)]
pub struct Builtins {
    /// Turns TypeScript into JavaScript; an error is a message for its author.
    pub strip_types: fn(&str) -> Result<String, String>,
}

/// What the host side hands to init: the plan, and numbers of descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub plan: Plan,
    pub files: Vec<FileOrder>,
    pub steps: Vec<StepOrder>,
    /// The only step is an interpreter to be parked; the namespaces of what is
    /// forked from it, as `CLONE_NEW…` flags.
    pub park: Option<u64>,
    /// Mounts are to be opened and handed back, and nothing else.
    pub opens: bool,
    pub stdin: RawFd,
    pub stdout: RawFd,
    pub stderr: RawFd,
    #[cfg(feature = "knockout")]
    pub leaves_open: bool,
}

/// A file to put in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileOrder {
    /// Whether it goes to the place for code instead of the workspace.
    pub is_code: bool,
    pub path: Vec<u8>,
    pub body: BodyOrder,
    pub executable: bool,
    /// Whether a file that is there gives way.
    pub replace: bool,
}

/// Its body.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum BodyOrder {
    Directory,
    Bytes(Vec<u8>),
    Descriptor(RawFd),
}

/// A process to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StepOrder {
    /// Its output goes to standard error and it reads nothing.
    pub is_compile: bool,
    pub action: ActionOrder,
}

/// What a process does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ActionOrder {
    Command { program: Vec<u8>, args: Vec<String>, directory: Vec<u8> },
    StripTypes { source: Vec<u8>, target: Vec<u8> },
    Probe,
}

/// Why init gives up.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A step of the plan.
    Step { step: u16, error: io::Error },
    /// A file of the request.
    File { path: Vec<u8>, error: io::Error },
    /// The host side is gone or spoke nonsense: there is nobody to tell why.
    Host,
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Host
    }
}

pub(crate) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(rustix::io::Errno::IO.raw_os_error())
}

/// Runs as init if this process was started as one.
///
/// The arguments of an init are its name and the numbers of two descriptors. A
/// person cannot become one by typing that: the descriptors are not there then.
pub(crate) fn role(builtins: Builtins) -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let mut number = || arguments.next()?.to_str()?.parse::<RawFd>().ok();
    let (control, orders) = (number()?, number()?);
    Some(match Init::take_over(control, orders, builtins) {
        Ok(init) => init.live(),
        Err(_) => ExitCode::FAILURE,
    })
}

/// Init's own state.
pub(crate) struct Init {
    pub(crate) control: OwnedFd,
    pub(crate) orders: Orders,
    pub(crate) builtins: Builtins,
    pub(crate) alone: SingleThreaded,
    /// Descriptors of the request: streams, files, mounts.
    pub(crate) inherited: Vec<(RawFd, OwnedFd)>,
}

impl Init {
    fn take_over(control: RawFd, orders: RawFd, builtins: Builtins) -> io::Result<Self> {
        sys::signal::heed();
        let mut inherited = Inherited::claim()?;
        let control = inherited.take(control)?;
        // The host side prepared the rest while this program was starting.
        match hear(&control)? {
            Some(ToInit::Begin) => {}
            _ => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        let orders = Orders::read(inherited.take(orders)?)?;
        let mut held = Vec::new();
        for number in orders.descriptors() {
            held.push((number, inherited.take(number)?));
        }
        if !orders.leave_open() {
            inherited.close_rest()?;
        }
        let alone = SingleThreaded::prove()?;
        Ok(Self { control, orders, builtins, alone, inherited: held })
    }

    fn live(mut self) -> ExitCode {
        match self.serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                let message = match failure {
                    Failure::Step { step, error } => {
                        FromInit::Failed { step, errno: errno(&error) }
                    }
                    Failure::File { path, error } => {
                        FromInit::FileFailed { path, errno: errno(&error) }
                    }
                    Failure::Host => return ExitCode::FAILURE,
                };
                // The host side may be gone, and then there is nobody to tell.
                let _ = self.say(&message);
                ExitCode::FAILURE
            }
        }
    }

    fn serve(&mut self) -> Result<(), Failure> {
        if self.orders.opens {
            return opener::run(self);
        }
        let applied = setup::apply(self)?;
        self.say_ready(&applied.ready())?;
        match (self.hear()?, self.orders.park) {
            (Some(ToInit::Start), Some(namespaces)) => return Ok(stage::run(self, namespaces)?),
            (Some(ToInit::Start), None) => payload::run(self)?,
            _ => return Ok(()),
        }
        loop {
            match self.hear()? {
                Some(ToInit::Open { path }) => files::bring_out(self, &path)?,
                // It came when there was nobody left to get it.
                Some(ToInit::Signal { .. }) => {}
                _ => return Ok(()),
            }
        }
    }

    /// The state of a copy of this init that has gone into another sandbox.
    fn inside(&self, control: OwnedFd, orders: Orders, inherited: Vec<(RawFd, OwnedFd)>) -> Self {
        // It is a fork of a process with one thread, and has one.
        let alone = SingleThreaded::prove_by(&self.alone);
        Self { control, orders, builtins: self.builtins, alone, inherited }
    }

    pub(crate) fn say(&self, message: &FromInit) -> io::Result<()> {
        wire::send(self.control.as_fd(), message, &[])
    }

    /// The first word. With it goes the workspace: when everything in here has been
    /// killed, the host side can still look at what was left.
    fn say_ready(&self, message: &FromInit) -> io::Result<()> {
        match self.orders.park {
            Some(_) => self.say(message),
            None => {
                let workspace = files::workspace(self)?;
                wire::send(self.control.as_fd(), message, &[workspace.as_fd()])
            }
        }
    }

    fn hear(&self) -> io::Result<Option<ToInit>> {
        hear(&self.control)
    }

    /// A descriptor of the request, by the number it has in the orders.
    pub(crate) fn descriptor(&self, number: RawFd) -> io::Result<&OwnedFd> {
        let found = self.inherited.iter().find(|(held, _)| *held == number);
        found.map(|(_, fd)| fd).ok_or_else(|| rustix::io::Errno::BADF.into())
    }

    /// Lets go of a descriptor of the request.
    pub(crate) fn close(&mut self, number: RawFd) {
        self.inherited.retain(|(held, _)| *held != number);
    }
}

/// The host side's next word; `None` where it is gone.
fn hear(control: &OwnedFd) -> io::Result<Option<ToInit>> {
    let packet = wire::receive(control, rustix::net::RecvFlags::empty())?;
    packet.map(|packet| packet.decode()).transpose()
}

/// The same without waiting, where there is something to be had.
fn hear_now(control: &OwnedFd) -> io::Result<Option<ToInit>> {
    let heard = wire::receive(control, rustix::net::RecvFlags::DONTWAIT);
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
    match heard {
        Err(error) if gone(&error) => Ok(None),
        heard => heard?.map(|packet| packet.decode()).transpose(),
    }
}

impl Orders {
    /// Whether what the caller left open stays so, for a test.
    #[cfg(feature = "knockout")]
    const fn leave_open(&self) -> bool {
        self.leaves_open
    }

    #[cfg(not(feature = "knockout"))]
    const fn leave_open(&self) -> bool {
        false
    }

    fn read(file: OwnedFd) -> io::Result<Self> {
        let mut text = Vec::new();
        File::from(file).read_to_end(&mut text)?;
        postcard::from_bytes(&text).map_err(io::Error::other)
    }

    /// Every descriptor that init is handed besides the control socket.
    pub(crate) fn descriptors(&self) -> Vec<RawFd> {
        let files = self.files.iter().filter_map(|file| match file.body {
            BodyOrder::Descriptor(number) => Some(number),
            _ => None,
        });
        let mounts = self.plan.steps.iter().filter_map(|step| match step {
            crate::plan::Step::Mapped { descriptor, .. } => Some(*descriptor),
            _ => None,
        });
        let streams = [self.stdin, self.stdout, self.stderr];
        // Who only opens mounts has none.
        let streams = streams.into_iter().filter(|_| !self.opens);
        streams.chain(files).chain(mounts).collect()
    }
}

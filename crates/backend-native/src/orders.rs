//! Turns a payload into what init is handed.

use std::{
    fs::File,
    io::{self, Seek, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
};

use api::Phase;
use rustix::fs::{MemfdFlags, memfd_create};
use sandbox::{Action, FileBody, FileEntry, Payload, Place, Step};

use crate::{
    init::{ActionOrder, BodyOrder, FileOrder, Orders, StepOrder},
    plan::Plan,
};

/// The guest's ends of the standard streams, by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streams {
    pub stdin: RawFd,
    pub stdout: RawFd,
    pub stderr: RawFd,
}

/// A payload as init is handed it, and the files that must stay open for that.
#[derive(Debug)]
pub(crate) struct Packed {
    pub orders: Orders,
    pub files: Vec<OwnedFd>,
}

/// Packs a payload. With `park`, its only step is an interpreter that is to wait.
pub(crate) fn pack(plan: Plan, payload: Payload, streams: Streams, park: Option<u64>) -> Packed {
    let mut files = Vec::new();
    let orders = Orders {
        plan,
        files: payload.files.into_iter().map(|file| file_order(file, &mut files)).collect(),
        steps: payload.steps.iter().map(step_order).collect(),
        park,
        opens: false,
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        #[cfg(feature = "knockout")]
        leaves_open: crate::knockout::Layer::asked_for()
            == Some(crate::knockout::Layer::Descriptors),
    };
    Packed { orders, files }
}

/// A plan alone, with nothing to run.
pub(crate) const fn of_plan(plan: Plan) -> Orders {
    Orders {
        plan,
        files: Vec::new(),
        steps: Vec::new(),
        park: None,
        opens: false,
        stdin: -1,
        stdout: -1,
        stderr: -1,
        #[cfg(feature = "knockout")]
        leaves_open: false,
    }
}

/// A plan of mounts to be opened and handed back.
pub(crate) fn to_open(plan: Plan) -> Orders {
    let mut orders = of_plan(plan);
    orders.opens = true;
    orders
}

/// Bytes and number of the files that go to the read-only place for code.
pub(crate) fn code_size(payload: &Payload) -> (u64, u64) {
    let code = payload.files.iter().filter(|file| matches!(file.place, Place::Code(_)));
    code.fold((0, 0), |(bytes, count), file| {
        let size = match &file.body {
            FileBody::Bytes(held) => held.len() as u64,
            FileBody::Host(host) => rustix::fs::fstat(host).map_or(0, |f| f.st_size.unsigned_abs()),
            FileBody::Directory => 0,
        };
        (bytes + size, count + 1)
    })
}

fn file_order(file: FileEntry, files: &mut Vec<OwnedFd>) -> FileOrder {
    let (is_code, path) = match file.place {
        Place::Workspace(path) => (false, path),
        Place::Code(path) => (true, path),
    };
    let body = match file.body {
        FileBody::Directory => BodyOrder::Directory,
        FileBody::Bytes(bytes) => BodyOrder::Bytes(bytes),
        FileBody::Host(host) => {
            let number = host.as_raw_fd();
            files.push(host);
            BodyOrder::Descriptor(number)
        }
    };
    let path = path.into_os_string().into_vec();
    let (executable, replace) = (file.executable, file.replace);
    FileOrder { is_code, path, body, executable, replace }
}

fn step_order(step: &Step) -> StepOrder {
    let bytes = |path: &std::path::Path| path.as_os_str().as_bytes().to_vec();
    let action = match &step.action {
        Action::Command(command) => ActionOrder::Command {
            program: bytes(&command.program),
            args: command.args.clone(),
            directory: bytes(command.directory.as_path()),
        },
        Action::StripTypes { source, target } => ActionOrder::StripTypes {
            source: bytes(source.as_path()),
            target: bytes(target.as_path()),
        },
        Action::Probe => ActionOrder::Probe,
    };
    StepOrder { is_compile: step.phase == Phase::Compile, action }
}

/// Descriptors of the payload's files, which init is started with.
pub(crate) fn descriptors(payload: &Payload) -> impl Iterator<Item = BorrowedFd<'_>> {
    payload.files.iter().filter_map(|file| match &file.body {
        FileBody::Host(host) => Some(host.as_fd()),
        _ => None,
    })
}

/// A file in memory for the orders.
pub(crate) fn file() -> io::Result<OwnedFd> {
    Ok(memfd_create("orders", MemfdFlags::CLOEXEC)?)
}

/// Writes the orders, to be read from the start of the file.
pub(crate) fn write(orders: &Orders, file: &OwnedFd) -> io::Result<()> {
    let bytes = postcard::to_stdvec(orders).map_err(io::Error::other)?;
    let mut file = File::from(file.try_clone()?);
    file.write_all(&bytes)?;
    file.rewind()
}

//! Messages between the host side and init, one to a packet.
//!
//! Init is ours, but it lives with the payload, so what it says is decoded as
//! if the payload had said it: bounded, and by total functions.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A packet holds one message: the largest is a list of weakened steps or a path.
pub(crate) const PACKET_BYTES_MAX: usize = 8192;

/// The most files that one request brings out: enough for any tree of results,
/// and below the descriptors that a process may hold.
pub(crate) const FILES_MAX: usize = 10_000;

/// The most descriptors that come with one packet; the host kernel takes 253.
pub(crate) const DESCRIPTORS_MAX: usize = 240;

/// From the host side to init.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToInit {
    /// The orders are written, and init is who it is to be: read and follow them.
    Begin,
    /// Run the payload.
    Start,
    /// Send the step under way a signal.
    Signal { number: i32 },
    /// Open what a path relative to the workspace holds.
    Open { path: Vec<u8> },
    /// Fork a sandbox. With it come the orders, the kernel's channels (control,
    /// standard output and error), files of the cgroups to join, and descriptors
    /// that the orders know by these numbers.
    Fork { number: u32, id: (u32, u32), cgroups: u8, descriptors: Vec<i32> },
    /// Show more of the host in a sandbox that was forked and has run nothing. With it
    /// come the orders and descriptors that they know by these numbers.
    Furnish { number: u32, descriptors: Vec<i32> },
    /// Make a further sandbox inside one that was forked. With it come the orders,
    /// its control socket, and the rest as for `Fork`.
    Enter { number: u32, cgroups: u8, descriptors: Vec<i32> },
    /// End the zygote; what was forked from it goes on.
    Retire,
}

/// From init to the host side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FromInit {
    /// The sandbox is as planned, but for these; with its workspace.
    Ready { weakened: Vec<Weakened>, landlock_abi: u8 },
    /// A step of the set-up failed; init ends.
    Failed { step: u16, errno: i32 },
    /// A file of the request could not be put in; init ends.
    FileFailed { path: Vec<u8>, errno: i32 },
    /// A step after the first begins.
    Begins { step: u16 },
    /// A step's program could not be executed.
    NotRun { step: u16, errno: i32 },
    /// The directory that a step is to start in could not be entered.
    NoDirectory { errno: i32 },
    /// The payload ended in this step; nothing else is alive.
    Ended { step: u16, status: Status },
    /// One file, with its descriptor.
    File { path: Vec<u8> },
    /// No more files; an error number, or 0.
    FilesEnd { errno: i32 },
    /// Mounts are open, as ordered; with a descriptor of each.
    Opened,
    /// The zygote waits to be forked; what it could not load.
    Parked { complaints: Vec<String> },
    /// The zygote is gone, by itself or because it was told to.
    ZygoteGone,
    /// A sandbox's first process was born; with a descriptor of it.
    Born { number: u32 },
    /// A forked sandbox is as planned, but for these. With it come what is writable in
    /// it, a socket to its interpreter, and the Landlock rules that it is to put on itself.
    Built { number: u32, weakened: Vec<Weakened>, landlock_abi: u8 },
    /// It shows more of the host; with its Landlock rules.
    Furnished { number: u32 },
    /// It could not be made; the step of its plan, or none where it was not got to.
    NotBuilt { number: u32, step: Option<u16>, errno: i32 },
    /// A forked sandbox's first process has ended, and all else in it.
    KernelEnded { number: u32, status: Status },
    /// A further sandbox's init was born; with a descriptor of it.
    Entered,
}

/// A step that failed and whose control is waived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Weakened {
    pub step: u16,
    pub errno: i32,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
}

/// Sends one message with descriptors.
pub(crate) fn send<M: Serialize>(
    socket: BorrowedFd<'_>,
    message: &M,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    if bytes.len() > PACKET_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    send_bytes(socket, &bytes, descriptors)
}

/// Whether a packet could not be sent because nobody is at the other end any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Sends one packet of bytes with descriptors.
pub(crate) fn send_bytes(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let parts = [io::IoSlice::new(bytes)];
    sendmsg(socket, &parts, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// A packet as it came.
#[derive(Debug)]
pub(crate) struct Packet {
    pub bytes: Vec<u8>,
    pub descriptors: Vec<OwnedFd>,
}

impl Packet {
    /// The message in it.
    pub(crate) fn decode<M: DeserializeOwned>(&self) -> io::Result<M> {
        match postcard::take_from_bytes(&self.bytes) {
            Ok((message, [])) => Ok(message),
            _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
        }
    }
}

/// Receives one packet; `None` where the other side is gone.
pub(crate) fn receive(socket: impl AsFd, flags: RecvFlags) -> io::Result<Option<Packet>> {
    let mut bytes = vec![0; PACKET_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [io::IoSliceMut::new(&mut bytes)];
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut parts, &mut ancillary, flags)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            descriptors.extend(came);
        }
    }
    if received.flags.contains(rustix::net::ReturnFlags::TRUNC) {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    bytes.truncate(received.bytes);
    Ok((received.bytes > 0).then_some(Packet { bytes, descriptors }))
}

#[cfg(test)]
mod tests;

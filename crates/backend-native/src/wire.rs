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

/// From the host side to init.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToInit {
    /// The orders are written, and init is who it is to be: read and follow them.
    Begin,
    /// Run the payload.
    Start,
    /// Open what a path relative to the workspace holds.
    Open { path: Vec<u8> },
}

/// From init to the host side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FromInit {
    /// The sandbox is as planned, but for these.
    Ready { weakened: Vec<Weakened>, landlock_abi: u8 },
    /// A step of the set-up failed; init ends.
    Failed { step: u16, errno: i32 },
    /// A file of the request could not be put in; init ends.
    FileFailed { path: Vec<u8>, errno: i32 },
    /// A step after the first begins.
    Begins { step: u16 },
    /// A step's program could not be executed.
    NotRun { step: u16, errno: i32 },
    /// The payload ended in this step; nothing else is alive.
    Ended { step: u16, status: Status },
    /// One file, with its descriptor.
    File { path: Vec<u8> },
    /// No more files; an error number, or 0.
    FilesEnd { errno: i32 },
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

/// Sends one message, with a descriptor if there is one.
pub(crate) fn send<M: Serialize>(
    socket: BorrowedFd<'_>,
    message: &M,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    if bytes.len() > PACKET_BYTES_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    let parts = [io::IoSlice::new(&bytes)];
    sendmsg(socket, &parts, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// A packet as it came.
#[derive(Debug)]
pub(crate) struct Packet {
    pub bytes: Vec<u8>,
    pub descriptor: Option<OwnedFd>,
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
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [io::IoSliceMut::new(&mut bytes)];
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut parts, &mut ancillary, flags)?;
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    if received.flags.contains(rustix::net::ReturnFlags::TRUNC) {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    bytes.truncate(received.bytes);
    Ok((received.bytes > 0).then_some(Packet { bytes, descriptor }))
}

#[cfg(test)]
mod tests;

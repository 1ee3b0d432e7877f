//! Answers of a person to code that asks for input.

use std::{
    io::{self, IsTerminal},
    os::fd::{AsFd, OwnedFd},
};

use api::{InputReply, InputRequest};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::render;

/// A terminal gives at most this much of a line.
const LINE_BYTES_MAX: usize = 4096;

/// Finds the answer to a question; the end of input where there is nobody to ask.
pub(super) async fn answer(request: InputRequest) -> InputReply {
    let asked = async {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        render::question(&request.prompt)?;
        let _hidden =
            if request.password { Some(Hidden::new(terminal.try_clone()?)?) } else { None };
        line(terminal).await
    };
    match asked.await {
        Ok(Some(line)) => InputReply::Line(line),
        // A terminal that cannot be read is one that has ended.
        Ok(None) | Err(_) => InputReply::End,
    }
}

/// Reads one line. Dropped before its end it has taken nothing away.
async fn line(terminal: OwnedFd) -> io::Result<Option<String>> {
    let terminal = watched(terminal)?;
    loop {
        let mut ready = terminal.readable().await?;
        // Others may have read it meanwhile, and the descriptor would block.
        if !is_ready(terminal.get_ref())? {
            ready.clear_ready();
            continue;
        }
        let mut buffer = [0; LINE_BYTES_MAX];
        let length = match rustix::io::read(terminal.get_ref(), &mut buffer) {
            Err(Errno::INTR) => continue,
            length => length?,
        };
        if length == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&buffer[..length]);
        return Ok(Some(text.trim_end_matches('\n').to_owned()));
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe for types that may lie about what they own, which OwnedFd \
              does not"
)]
fn watched(terminal: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(terminal, Interest::READABLE)
}

fn is_ready(terminal: &OwnedFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(terminal, PollFlags::IN)];
    Ok(poll(&mut polled, Some(&Timespec::default()))? > 0)
}

/// Keeps what is typed from being seen until it is dropped.
struct Hidden {
    terminal: OwnedFd,
    before: Termios,
}

impl Hidden {
    fn new(terminal: OwnedFd) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is seen, so that what follows has a line of its own.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

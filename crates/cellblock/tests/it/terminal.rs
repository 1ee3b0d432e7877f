//! A terminal with the program on it, and a person who types and waits.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::fixture::Call;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with the program on it.
pub(crate) struct Terminal {
    person: File,
    child: Child,
    /// Everything that appeared, without what only moves the cursor or colours text.
    seen: String,
    /// Up to where it was looked at.
    looked: usize,
    /// The start of a sequence whose end has not come.
    raw: Vec<u8>,
}

impl Terminal {
    /// Starts a call on a terminal of its own, as its controlling terminal.
    pub(crate) fn open(call: &Call) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let user = || File::options().read(true).write(true).open(&name).unwrap();
        let plain = call.command();
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(plain.get_program()).args(plain.get_args());
        command.current_dir(plain.get_current_dir().unwrap()).env_clear();
        let vars = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.env("TERM", "xterm").envs(vars);
        let child = command.stdin(user()).stdout(user()).stderr(user()).spawn().unwrap();
        let person = File::from(controller);
        Self { person, child, seen: String::new(), looked: 0, raw: Vec::new() }
    }

    /// Types a text; a line ends with `\r`, as the key has it.
    pub(crate) fn types(&mut self, text: &str) -> &mut Self {
        self.person.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Waits until a text appears after what was waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen[self.looked..].find(text) {
                self.looked += at + text.len();
                return self;
            }
            let is_open = self.read(until);
            let rest = &self.seen[self.looked..];
            assert!(
                is_open || rest.contains(text),
                "no {text:?} in {rest:?}, after {:?}",
                self.seen
            );
        }
    }

    /// Waits for the end; gives the exit status and everything that was seen.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> (i32, &str) {
        let until = Instant::now() + PATIENCE;
        while self.read(until) {}
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), &self.seen)
    }

    /// Reads what is there; whether there may be more.
    fn read(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::from_borrowed_fd(self.person.as_fd(), PollFlags::IN)];
        let timeout = Timespec::try_from(left).unwrap();
        if poll(&mut waiting, Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        // Where nobody has the other end open any more, reading fails.
        let Ok(length @ 1..) = self.person.read(&mut buffer) else { return false };
        self.raw.extend_from_slice(&buffer[..length]);
        self.take_plain();
        true
    }

    /// Moves what was read to what was seen, but for control sequences.
    fn take_plain(&mut self) {
        let text = String::from_utf8_lossy(&self.raw).into_owned();
        let mut rest = text.as_str();
        while let Some(at) = rest.find('\x1b') {
            self.seen.push_str(&rest[..at].replace('\r', ""));
            rest = &rest[at..];
            let Some(after) = rest.strip_prefix("\x1b[") else {
                match rest.get(1..2) {
                    // Other sequences are shown by what they begin with.
                    Some(_) => {
                        self.seen.push_str("<ESC>");
                        rest = &rest[1..];
                        continue;
                    }
                    None => break,
                }
            };
            let Some(end) = after.find(|letter: char| ('@'..='~').contains(&letter)) else { break };
            rest = &after[end + 1..];
        }
        if rest.starts_with('\x1b') {
            self.raw = rest.as_bytes().to_vec();
        } else {
            self.seen.push_str(&rest.replace('\r', ""));
            self.raw.clear();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed must not leave its program behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

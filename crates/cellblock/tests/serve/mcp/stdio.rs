//! A client over standard streams that speaks bytes.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::messages::{call, initialize, request};
use crate::fixture::{PATIENCE, StateDir, program, wait_until};

pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    next: u64,
    /// What came while something else was waited for.
    pub(super) aside: Vec<Value>,
}

impl Client {
    /// A program that has been told nothing yet.
    pub(super) fn start(state: &StateDir, profile: &str) -> Self {
        Self::start_in(Path::new("."), state, profile)
    }

    /// The same in a directory.
    fn start_in(directory: &Path, state: &StateDir, profile: &str) -> Self {
        let mut command = program(state, &[]);
        command.current_dir(directory);
        command.args(["mcp", "--tools", profile, "--state-dir"]).arg(state.path("state"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, lines, next: 1, aside: Vec::new() }
    }

    /// A program that knows its client.
    pub(super) fn begin(state: &StateDir, profile: &str) -> Self {
        Self::begin_in(Path::new("."), state, profile)
    }

    /// The same in a directory.
    pub(super) fn begin_in(directory: &Path, state: &StateDir, profile: &str) -> Self {
        let mut client = Self::start_in(directory, state, profile);
        client.say(&initialize("2025-11-25"));
        client.answer(&json!("init"));
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    pub(super) fn say(&mut self, message: &Value) {
        self.say_bytes(format!("{message}\n").as_bytes());
    }

    pub(super) fn say_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    /// The next message, if one comes in time.
    pub(super) fn hear(&self, time: Duration) -> Option<Value> {
        let line = self.lines.recv_timeout(time).ok()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The answer to a request; everything else is put aside.
    #[track_caller]
    pub(super) fn answer(&mut self, id: &Value) -> Value {
        loop {
            let message = self.hear(PATIENCE).unwrap_or_else(|| panic!("no answer to {id}"));
            if message["id"] == *id {
                return message;
            }
            self.aside.push(message);
        }
    }

    /// Says a request; gives its id.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = json!(self.next);
        self.say(&request(id.clone(), method, params));
        id
    }

    /// What a request resulted in.
    #[track_caller]
    pub(super) fn result(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        let answer = self.answer(&id);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    #[track_caller]
    pub(super) fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.result("tools/call", &call(name, arguments))
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Says no more.
    pub(super) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Its exit status.
    #[track_caller]
    pub(super) fn end(mut self) -> Option<i32> {
        let mut status = None;
        wait_until("it has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

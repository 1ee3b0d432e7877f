//! A guest as a plain process, without a sandbox, and the host's view of it.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use api::{DisplayData, ExceptionInfo, InputReply, InputRequest, TurnRequest};
use kernel::{
    BoxFuture, Collector, Hello, InputSource, Kernel, KernelError, NoInput, TurnEnd, TurnStatus,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

/// What is not there by then will not come.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// Starts the real kernel on the socket that it finds as its standard input.
const START: &str = "\
import os, sys
control = os.dup(0)
null = os.open('/dev/null', os.O_RDONLY)
os.dup2(null, 0)
os.close(null)
sys.path.insert(0, sys.argv.pop(1))
from cellblock_kernel.entry import serve
serve(control)
";

/// What a hostile guest needs in order to speak.
const HOSTILE: &str = "\
import json, os, socket, struct, sys, time
control = socket.socket(fileno=os.dup(0))

def take(length):
    data = b''
    while len(data) < length:
        more = control.recv(length - len(data))
        if not more:
            sys.exit()
        data += more
    return data

def head():
    return struct.unpack('<IBQ', take(13))

def receive():
    length, kind, token = head()
    return kind, token, json.loads(take(length - 9))

def frame(kind, token, body):
    data = json.dumps(body).encode()
    return struct.pack('<IBQ', 9 + len(data), kind, token) + data

def send(kind, token, body):
    control.sendall(frame(kind, token, body))

def display(text):
    return {'data': {'text/plain': text}, 'metadata': {}, 'display_id': None, 'update': False}

READY = {'protocol': 1, 'python': '3', 'implementation': 'x', 'ipython': False, 'pid': 1}
DONE = {'status': 'ok', 'count': 1, 'exit_code': None}

def ready():
    send(65, 0, READY)
";

/// A guest's process and the host's view of it. Dropping it kills the process.
pub(crate) struct Guest {
    pub(crate) kernel: Kernel,
    pub(crate) hello: Option<Hello>,
    process: Child,
}

/// What came of a turn.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) end: TurnEnd,
    pub(crate) displays: Vec<DisplayData>,
    pub(crate) result: Option<DisplayData>,
    pub(crate) exception: Option<ExceptionInfo>,
}

impl Guest {
    /// The Python kernel, ready to be asked.
    pub(crate) async fn python() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../kernels/python");
        let mut guest = Self::start(&["-c", START, root.to_str().unwrap()]);
        guest.hello = Some(guest.within(async |kernel| kernel.ready().await).await.unwrap());
        guest
    }

    /// A guest that does as this program says.
    pub(crate) fn hostile(program: &str) -> Self {
        Self::start(&["-c", &format!("{HOSTILE}\n{program}")])
    }

    /// A hostile guest that has said it is ready.
    pub(crate) async fn hostile_ready(program: &str) -> Self {
        let mut guest = Self::hostile(&format!("ready()\n{program}"));
        guest.within(async |kernel| kernel.ready().await).await.unwrap();
        guest
    }

    fn start(args: &[&str]) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = Command::new("python3")
            .args(["-I", "-B"])
            .args(args)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { kernel: Kernel::new(ours.into()).unwrap(), hello: None, process }
    }

    /// Does something with the kernel that must not take for ever.
    pub(crate) async fn within<T>(&mut self, act: impl AsyncFnOnce(&mut Kernel) -> T) -> T {
        timeout(WAIT_MAX, act(&mut self.kernel)).await.unwrap()
    }

    /// Runs code that gets no input.
    pub(crate) async fn try_run(&mut self, code: &str) -> Result<Turn, KernelError> {
        self.try_request(&request(code), &mut NoInput).await
    }

    /// Runs code that gets no input, in a kernel that lives on.
    pub(crate) async fn run(&mut self, code: &str) -> Turn {
        self.try_run(code).await.unwrap()
    }

    /// Runs code, with these answers to what it asks.
    pub(crate) async fn run_with(&mut self, code: &str, answers: &[&str]) -> (Turn, Answers) {
        let mut input = Answers::new(answers);
        let request = TurnRequest { allow_input: true, ..request(code) };
        let turn = self.try_request(&request, &mut input).await.unwrap();
        (turn, input)
    }

    async fn try_request(
        &mut self,
        request: &TurnRequest,
        input: &mut dyn InputSource,
    ) -> Result<Turn, KernelError> {
        let mut sink = Collector::new();
        let end =
            self.within(async |kernel| kernel.execute(request, &mut sink, input).await).await?;
        Ok(Turn {
            end,
            displays: sink.take_displays(),
            result: sink.take_result(),
            exception: sink.take_exception(),
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Makes sure that the kernel still does what it is asked.
    pub(crate) async fn assert_alive(&mut self) {
        let turn = self.run("40 + 2").await;
        assert_eq!(turn.text(), "42");
    }

    /// Waits for the end of the process.
    pub(crate) fn status(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < WAIT_MAX);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Turn {
    /// The result's plain text.
    pub(crate) fn text(&self) -> &str {
        text(self.result.as_ref().unwrap_or_else(|| panic!("no result in {self:?}")))
    }

    /// The plain text of everything shown.
    pub(crate) fn shown(&self) -> Vec<&str> {
        self.displays.iter().map(text).collect()
    }

    pub(crate) fn exception_name(&self) -> &str {
        self.exception.as_ref().map_or("none", |exception| &exception.name)
    }

    pub(crate) fn status(&self) -> TurnStatus {
        self.end.status
    }
}

fn text(display: &DisplayData) -> &str {
    display.data["text/plain"].as_str().unwrap()
}

pub(crate) fn request(code: &str) -> TurnRequest {
    TurnRequest { code: code.to_owned(), ..TurnRequest::default() }
}

/// Gives these answers in order, then the end of input; keeps what was asked.
pub(crate) struct Answers {
    left: Vec<String>,
    pub(crate) asked: Vec<InputRequest>,
}

impl Answers {
    fn new(answers: &[&str]) -> Self {
        let left = answers.iter().rev().map(|answer| (*answer).to_owned());
        Self { left: left.collect(), asked: Vec::new() }
    }
}

impl InputSource for Answers {
    fn ask(&mut self, request: InputRequest) -> BoxFuture<'_, InputReply> {
        self.asked.push(request);
        let answer = self.left.pop().map_or(InputReply::End, InputReply::Line);
        Box::pin(std::future::ready(answer))
    }
}

/// Never answers.
pub(crate) struct Silent;

impl InputSource for Silent {
    fn ask(&mut self, _: InputRequest) -> BoxFuture<'_, InputReply> {
        Box::pin(std::future::pending())
    }
}

//! Runs the program under `strace`, which makes one system call go wrong: of the
//! host side, or of the sandbox's own first process.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::scene::{Scene, binary};

/// How long a run may take, whatever was done to it.
const RUN_TIME_MAX: Duration = Duration::from_secs(8);
/// How long what ends with the host side may take to be gone.
const END_TIME_MAX: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// Whose system call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The program that a person starts.
    Host,
    /// The first process inside, from before it is our binary again.
    Init,
    /// Init and all that it starts.
    Inside,
}

/// What happens to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is made.
    None,
    /// It is not made and fails with this error.
    Error(&'static str),
    /// Whoever makes it is killed.
    Kill,
    /// It is made after a wait.
    Delay,
}

/// One system call to go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    pub at: At,
    pub call: String,
    pub when: usize,
    pub fault: Fault,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ending {
    /// As a shell has it; none where it took too long.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The process id of the host side.
    pub host: u32,
    /// What `strace` wrote down.
    pub trace: String,
}

impl Ending {
    /// Whether the call that was to go wrong was made at all.
    pub(crate) fn was_hit(&self) -> bool {
        ["INJECTED", "DELAYED", "killed by SIGKILL"].iter().any(|word| self.trace.contains(word))
    }
}

impl Injection {
    /// A run in which nothing goes wrong and every call is written down.
    pub(crate) fn none(at: At) -> Self {
        Self { at, call: "all".to_owned(), when: 1, fault: Fault::None }
    }

    fn options(&self) -> Vec<String> {
        let fault = match self.fault {
            Fault::None => return vec!["-e".to_owned(), "trace=all".to_owned()],
            Fault::Error(error) => format!("error={error}"),
            Fault::Kill => "signal=SIGKILL".to_owned(),
            Fault::Delay => "delay_enter=30000".to_owned(),
        };
        let Self { call, when, .. } = self;
        ["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{fault}:when={when}")]
            .map(str::to_owned)
            .to_vec()
    }

    /// Runs the program with this call going wrong.
    pub(crate) fn run(&self, scene: &Scene) -> Ending {
        let mut strace = scene.command(Path::new("strace"));
        // The tracer is no parent then: the process that is started is the host side.
        strace.arg("-D").arg("-o").arg(scene.path("host.trace"));
        match self.at {
            At::Host => strace.args(self.options()),
            // The host side does this once, between making init and letting it go.
            At::Init | At::Inside => {
                strace.args(["-e", "trace=ioctl", "-e", "inject=ioctl:signal=SIGSTOP:when=1"])
            }
        };
        strace.arg(binary()).args(scene.arguments());
        let file = |name| File::create(scene.path(name)).unwrap();
        strace.stdout(file("out")).stderr(file("err"));
        let mut child = strace.spawn().unwrap();
        let host = child.id();
        let inner = (self.at != At::Host).then(|| self.attach(scene, host));
        let status = wait(&mut child);
        let traced = || fs::read_to_string(scene.path("host.trace")).unwrap_or_default();
        until(|| traced().contains("+++ "), "strace to end");
        let inner = inner.map(|mut tracer| tracer.wait().unwrap());
        let name = if inner.is_some() { "init.trace" } else { "host.trace" };
        let read = |name| {
            let mut bytes = Vec::new();
            File::open(scene.path(name)).unwrap().read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ending { status, stdout: read("out"), stderr: read("err"), host, trace: read(name) }
    }

    /// Attaches to init, which waits for the stopped host side, and lets that go.
    fn attach(&self, scene: &Scene, host: u32) -> Child {
        let log = scene.path("host.trace");
        let stopped = || fs::read_to_string(&log).is_ok_and(|text| text.contains("stopped by"));
        until(stopped, "the host side to stop");
        let init = first_child(host).unwrap();
        let mut strace = Command::new("strace");
        strace.arg("-o").arg(scene.path("init.trace")).args(self.options());
        strace.args((self.at == At::Inside).then_some("-f"));
        strace.args(["-p", &init.to_string()]).stdin(Stdio::null());
        strace.stdout(Stdio::null()).stderr(File::create(scene.path("attached")).unwrap());
        let strace = strace.spawn().unwrap();
        until(
            || fs::read_to_string(scene.path("attached")).unwrap().contains("attached"),
            "strace to attach",
        );
        let _ = kill_process(pid(host), Signal::CONT);
        strace
    }
}

pub(crate) fn pid(number: u32) -> Pid {
    Pid::from_raw(number.cast_signed()).unwrap()
}

/// The state of a process: a letter, as `ps` has it.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits for something that has to come.
#[track_caller]
pub(crate) fn until(mut condition: impl FnMut() -> bool, what: &str) {
    let deadline = Instant::now() + RUN_TIME_MAX;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(POLL);
    }
}

/// Whether something comes to hold within the time that an end may take.
pub(crate) fn soon(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + END_TIME_MAX;
    loop {
        let holds = condition();
        if holds || Instant::now() > deadline {
            return holds;
        }
        thread::sleep(POLL);
    }
}

/// The live children of a process.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    let pids = text.split_whitespace().filter_map(|word| word.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|state| state != 'Z')).collect()
}

/// A child of a process, once there is one.
fn first_child(parent: u32) -> Option<u32> {
    until(|| !children(parent).is_empty() || state(parent).is_none(), "a child");
    children(parent).first().copied()
}

/// The status as a shell has it; after too long the process is killed.
fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + RUN_TIME_MAX;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(POLL);
    }
}

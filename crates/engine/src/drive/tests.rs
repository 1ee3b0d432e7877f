//! Drives real processes of this machine: unconfined, since what is looked at
//! here is the driving.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio as Piped},
};

use api::{Enforcement, Event};
use rustix::{
    fs::{OFlags, fcntl_getfl},
    pipe::{PipeFlags, pipe_with},
};
use sandbox::{BoxFuture, Exit, ProcessStatus};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::*;
use crate::Input;

/// A process without a sandbox around it.
struct Process {
    script: String,
    theirs: Option<[OwnedFd; 3]>,
    ours: Option<Stdio>,
    child: Option<Child>,
    enforcement: Enforcement,
}

impl Process {
    fn new(script: &str) -> Self {
        let pipe = || pipe_with(PipeFlags::CLOEXEC).unwrap();
        let ((stdin, to), (from_out, stdout), (from_err, stderr)) = (pipe(), pipe(), pipe());
        Self {
            script: script.to_owned(),
            theirs: Some([stdin, stdout, stderr]),
            ours: Some(Stdio { stdin: to, stdout: from_out, stderr: from_err }),
            child: None,
            enforcement: Enforcement::default(),
        }
    }

    fn start(&mut self) -> &mut Child {
        let (script, theirs) = (&self.script, &mut self.theirs);
        self.child.get_or_insert_with(|| {
            let [stdin, stdout, stderr] = theirs.take().unwrap();
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            command.stdin(Piped::from(stdin));
            command.stdout(Piped::from(stdout)).stderr(Piped::from(stderr));
            command.spawn().unwrap()
        })
    }
}

impl Sandbox for Process {
    fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    fn stdio(&mut self) -> Option<Stdio> {
        self.ours.take()
    }

    fn run(&mut self) -> BoxFuture<'_, Result<Exit, SandboxError>> {
        Box::pin(async {
            loop {
                let Some(status) = self.start().try_wait().unwrap() else {
                    sleep(Duration::from_millis(1)).await;
                    continue;
                };
                let status = status.code().map_or_else(
                    || ProcessStatus::Signaled(status.signal().unwrap()),
                    ProcessStatus::Exited,
                );
                return Ok(Exit { phase: Phase::Run, status, out_of_memory: false });
            }
        })
    }

    fn usage(&self) -> Usage {
        let Some(child) = &self.child else { return Usage::default() };
        let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let fields: Vec<&str> = text.split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
        let cpu_time_ms = ticks(13).zip(ticks(14)).map(|(user, system)| (user + system) * 10);
        Usage { cpu_time_ms, ..Usage::default() }
    }

    fn open_files<'a>(
        &'a mut self,
        path: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<(PathBuf, File)>, SandboxError>> {
        Box::pin(async move {
            let file = File::open(path);
            let path = path.display().to_string();
            let file = file.map_err(|source| SandboxError::File { path, source })?;
            Ok(vec![(PathBuf::new(), file)])
        })
    }

    fn kill(&mut self) {
        self.theirs = None;
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Bytes of events, and how many were left out.
#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    omitted: u64,
}

impl EventSink for Shown {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Output { bytes, .. } => self.bytes.extend_from_slice(bytes),
            Event::Omitted { bytes, .. } => self.omitted += bytes,
            _ => {}
        }
    }
}

fn limits() -> Limits {
    Limits { output_bytes: None, wall_time: Duration::from_secs(20), ..Limits::default() }
}

fn driven(script: &str, limits: &Limits, stdin: Input, cancel: Cancel) -> (Facts, Shown) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut shown = Shown::default();
    let mut process = Process::new(script);
    let io = RunIo { events: &mut shown, stdin, cancel, asker: crate::Asker::default() };
    let facts = runtime.block_on(drive(&mut process, &[], limits, &Signaller::new(), io)).unwrap();
    (facts, shown)
}

fn run(script: &str, stdin: Input) -> Facts {
    driven(script, &limits(), stdin, Cancel::new()).0
}

fn exit_code(facts: &Facts) -> Option<i32> {
    match facts.end {
        End::Exit(Exit { status: ProcessStatus::Exited(code), .. }) => Some(code),
        _ => None,
    }
}

fn stopped_by(facts: &Facts) -> Option<StopReason> {
    match facts.end {
        End::Stopped(reason) => Some(reason),
        End::Exit(_) => None,
    }
}

/// A file of this content, and zeros up to a length, that has no name any more;
/// read from its start.
fn nameless_file(content: &[u8], length: u64) -> File {
    let path = std::env::temp_dir().join(format!("engine-{}", api::RunId::generate()));
    let mut file = File::create_new(&path).unwrap();
    file.write_all(content).unwrap();
    file.set_len(length).unwrap();
    let file = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    file
}

#[test]
fn gives_both_streams_and_the_status() {
    let facts = run("echo out; echo err >&2; exit 3", Input::Empty);
    assert_eq!(exit_code(&facts), Some(3));
    assert_eq!((facts.stdout.head.as_str(), facts.stderr.head.as_str()), ("out\n", "err\n"));
}

#[test]
fn no_input_is_the_end_of_file() {
    assert_eq!(run("cat; echo end", Input::Empty).stdout.head, "end\n");
    let null = File::open("/dev/null").unwrap();
    assert_eq!(run("cat; echo end", Input::Descriptor(null.into())).stdout.head, "end\n");
}

#[test]
fn copies_a_file_that_nothing_can_wait_for() {
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = nameless_file(&content, content.len() as u64);
    let facts = run("sha256sum", Input::Descriptor(file.into()));
    let digest = crate::account::hexadecimal(&Sha256::digest(&content));
    assert_eq!(facts.stdout.head, format!("{digest}  -\n"));
}

#[test]
fn input_that_nobody_reads_ends_with_the_program() {
    let large = nameless_file(b"", 100 << 20);
    let start = Instant::now();
    assert_eq!(exit_code(&run("exit 5", Input::Descriptor(large.into()))), Some(5));
    let closing = File::open("/dev/zero").unwrap();
    let facts = run("exec <&-; sleep 0.1; echo on", Input::Descriptor(closing.into()));
    assert_eq!(facts.stdout.head, "on\n");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn input_that_never_ends_ends_with_the_program() {
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(b"line\n").unwrap();
    let descriptor = reader.try_clone().unwrap();
    let facts = run("read line; echo got $line", Input::Descriptor(descriptor.into()));
    assert_eq!(facts.stdout.head, "got line\n");
    // Whoever else has the pipe finds it as it was.
    assert!(!fcntl_getfl(&reader).unwrap().contains(OFlags::NONBLOCK));
}

#[test]
fn input_arrives_as_it_is_written() {
    let (reader, mut writer) = io::pipe().unwrap();
    let writing = std::thread::spawn(move || {
        for line in ["one\n", "two\n"] {
            writer.write_all(line.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let facts = run("cat", Input::Descriptor(reader.into()));
    writing.join().unwrap();
    assert_eq!(facts.stdout.head, "one\ntwo\n");
}

#[test]
fn a_socket_is_read_like_a_pipe() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    (&ours).write_all(b"by socket").unwrap();
    drop(ours);
    assert_eq!(run("cat", Input::Descriptor(theirs.into())).stdout.head, "by socket");
}

#[test]
fn time_that_is_over_leaves_what_was_written() {
    let limits = Limits { wall_time: Duration::from_millis(300), ..limits() };
    let start = Instant::now();
    let (facts, _) = driven("echo before; exec sleep 10", &limits, Input::Empty, Cancel::new());
    assert_eq!(stopped_by(&facts), Some(StopReason::Time(TimeLimit::WallTime)));
    assert_eq!(facts.stdout.head, "before\n");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_flood_does_not_hold_up_the_clock() {
    let limits =
        Limits { wall_time: Duration::from_millis(300), output_bytes: Some(1000), ..limits() };
    let (facts, shown) = driven("exec yes", &limits, Input::Empty, Cancel::new());
    assert_eq!(stopped_by(&facts), Some(StopReason::Time(TimeLimit::WallTime)));
    assert_eq!(shown.bytes.len(), 1000);
    assert!(facts.stdout.total_bytes > 1000);
    assert_eq!(shown.omitted, facts.stdout.total_bytes - 1000);
}

#[test]
fn processor_time_is_not_wall_time() {
    let limits = Limits { cpu_time: Some(Duration::from_millis(200)), ..limits() };
    let (facts, _) = driven("while :; do :; done", &limits, Input::Empty, Cancel::new());
    assert_eq!(stopped_by(&facts), Some(StopReason::Time(TimeLimit::CpuTime)));
    let (facts, _) = driven("sleep 0.5; echo on", &limits, Input::Empty, Cancel::new());
    assert_eq!((exit_code(&facts), facts.stdout.head.as_str()), (Some(0), "on\n"));
}

#[test]
fn a_run_taken_back_before_its_start_does_not_start() {
    let cancel = Cancel::new();
    cancel.cancel();
    let (facts, shown) = driven("echo started", &limits(), Input::Empty, cancel);
    assert_eq!(stopped_by(&facts), Some(StopReason::Cancelled));
    assert!(shown.bytes.is_empty());
}

#[test]
fn a_run_can_be_taken_back_from_another_thread() {
    let cancel = Cancel::new();
    let other = cancel.clone();
    let start = Instant::now();
    let cancelling = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        other.cancel();
    });
    let (facts, _) = driven("echo before; exec sleep 10", &limits(), Input::Empty, cancel);
    cancelling.join().unwrap();
    assert_eq!(stopped_by(&facts), Some(StopReason::Cancelled));
    assert_eq!(facts.stdout.head, "before\n");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn more_than_a_pipe_holds_comes_out_whole() {
    let (facts, shown) =
        driven("head -c 5000000 /dev/zero", &limits(), Input::Empty, Cancel::new());
    assert_eq!(shown.bytes.len(), 5_000_000);
    assert_eq!(facts.stdout.total_bytes, 5_000_000);
}

#[test]
fn looks_at_the_processor_time_no_later_than_it_can_be_over() {
    let millis = Duration::from_millis;
    assert_eq!(look_after(millis(1000), 2), millis(500));
    assert_eq!(look_after(millis(1000), 0), millis(1000));
    assert_eq!(look_after(millis(8), 4), CPU_LOOK_MIN);
    assert_eq!(look_after(Duration::ZERO, 4), CPU_LOOK_MIN);
    assert_eq!(look_after(Duration::MAX, 1), SLEEP_MAX);
}

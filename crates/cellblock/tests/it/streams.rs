//! Output while it appears, readers that are slow or go away, and signals.

use std::{
    io::{BufRead, BufReader, Read},
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Call, python, shell};

fn started(call: &Call) -> Child {
    let mut child = call.command().spawn().unwrap();
    drop(child.stdin.take());
    child
}

fn signalled(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn status(child: &mut Child) -> i32 {
    child.wait().unwrap().code().unwrap_or(-1)
}

/// Waits for the first line of standard output.
fn first_line(child: &mut Child) -> (String, BufReader<std::process::ChildStdout>) {
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    (line, reader)
}

#[test]
fn output_appears_while_the_program_runs() {
    let begun = Instant::now();
    let call = shell("echo first; sleep 60", &["-t", "30s"]);
    let mut child = started(&call);
    let (line, _reader) = first_line(&mut child);
    assert_eq!(line, "first\n");
    assert!(begun.elapsed() < Duration::from_secs(20));
    signalled(&child, Signal::TERM);
    assert_eq!(status(&mut child), 143);
}

#[test]
fn an_interrupt_ends_the_run_with_130() {
    let call = shell("trap '' INT TERM; echo up; sleep 60", &[]);
    let mut child = started(&call);
    let (_, mut reader) = first_line(&mut child);
    let begun = Instant::now();
    signalled(&child, Signal::INT);
    assert_eq!(status(&mut child), 130);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let call = shell("yes", &["-t", "30s"]);
    let mut child = started(&call);
    let (line, reader) = first_line(&mut child);
    drop(reader);
    assert_eq!(line, "y\n");
    let begun = Instant::now();
    assert_eq!(status(&mut child), 141);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn a_reader_that_is_slow_does_not_hold_the_deadline() {
    let call = shell("yes", &["-t", "1s"]);
    let mut child = started(&call);
    thread::sleep(Duration::from_secs(3));
    // Nothing was read so far. The program is dead by now; what it wrote is not lost.
    let mut read = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(status(&mut child), 124);
    assert!(read.len() >= 65_536, "{}", read.len());
    assert!(read.chunks(2).all(|pair| pair == b"y\n" || pair == b"y"));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "cellblock: timed out after 1 s (wall time)\n");
}

#[test]
fn an_interrupt_gets_through_while_nobody_reads() {
    let call = shell("yes", &["-t", "60s"]);
    let mut child = started(&call);
    thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    signalled(&child, Signal::INT);
    assert_eq!(status(&mut child), 130);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_program_that_waits_for_input_gets_it_line_by_line() {
    use std::io::Write;
    let call = python("for line in iter(input, 'end'): print(line.upper(), flush=True)", &[]);
    let mut child = call.command().spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    let (line, mut reader) = first_line(&mut child);
    assert_eq!(line, "ONE\n");
    stdin.write_all(b"two\nend\n").unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "TWO\n");
    assert_eq!(status(&mut child), 0);
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let call = shell("echo text", &[]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = call.command().stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.starts_with("cellblock: cannot write to standard output"), "{said}");
}

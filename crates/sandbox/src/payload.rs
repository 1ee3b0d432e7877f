//! What a sandbox is to run: files to put there, then steps in order.

use std::{os::fd::OwnedFd, path::PathBuf};

use api::Phase;
use policy::GuestPath;

use crate::Owner;

/// What a sandbox is to run.
#[derive(Debug, Default)]
pub struct Payload {
    /// Who has it run. Inside another sandbox it is that one's owner, whatever this says.
    pub owner: Owner,
    /// Files and directories to put there first, parents before what lies in them.
    pub files: Vec<FileEntry>,
    /// What to run, in order; a step that fails ends the run.
    pub steps: Vec<Step>,
}

/// A file or directory to put into the sandbox before anything runs.
#[derive(Debug)]
pub struct FileEntry {
    /// Relative to the workspace, or below the read-only place for code.
    pub place: Place,
    /// What it is.
    pub body: FileBody,
    /// Whether it may be executed.
    pub executable: bool,
    /// Whether it takes the place of a file that is there; else that is an error.
    pub replace: bool,
}

/// Where a file goes. The path is relative and has no `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the workspace.
    Workspace(PathBuf),
    /// Into the read-only directory for code.
    Code(PathBuf),
}

/// The body of a file to put into the sandbox.
#[derive(Debug)]
pub enum FileBody {
    /// A directory.
    Directory,
    /// These bytes.
    Bytes(Vec<u8>),
    /// What a host file, open for reading, holds from its start.
    Host(OwnedFd),
}

/// One process of a run, started when the one before it has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What part of the run it is. Output of a compile step goes to standard error.
    pub phase: Phase,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Runs a program.
    Command(Command),
    /// Turns TypeScript into JavaScript, in a process as confined as any program.
    StripTypes {
        /// The TypeScript file.
        source: GuestPath,
        /// The JavaScript file to write.
        target: GuestPath,
    },
    /// Attempts forbidden acts and prints what came of each, a JSON object a line.
    Probe,
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// A guest path, or a name to be looked for on the policy's `PATH`.
    pub program: PathBuf,
    /// The arguments after the program's name.
    pub args: Vec<String>,
    /// The directory to start in.
    pub directory: GuestPath,
}

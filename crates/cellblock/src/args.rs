//! What was typed, validated word by word; nothing is looked up or carried out here.
//!
//! Help, parsing and shell completion all come from these types.

mod bubble;
mod key;
mod mcp;
mod project;
mod serve;
mod session;
mod value;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use bubble::{BubbleCli, BubbleCommand, CheckArgs, ConfigArgs, ExecuteArgs, PythonArgs};
pub(crate) use key::{CreateKeyArgs, KeyCommand, ScopeArg, StateDirArgs};
pub(crate) use mcp::McpArgs;
pub(crate) use project::{
    DataCommand, LedgerArgs, ProjectCommand, ProjectRunArgs, RunsCommand, RunsListArgs,
};
pub(crate) use serve::ServeArgs;
pub(crate) use session::SessionArgs;
pub(crate) use value::{EnvVar, SharedDir, Transfer, Volume, parse_count, parse_cpus};

const AFTER_HELP: &str = "\
Examples:
  cellblock run hello.py
  cellblock run -c 'print(6 * 7)' --language python
  echo 'console.log(6 * 7)' | cellblock run --language javascript -
  cellblock run -w ./data:ro --timeout 1m --memory 2G analysis.py input.csv
  cellblock session -E analysis
  cellblock doctor

Exit status:
  the program's own; 124 timed out; 125 we failed; 126 not executable;
  127 not found; 128+N ended by signal N; 130 interrupted; 2 wrong usage";

/// Runs code that nobody vouches for, isolated from this machine.
#[derive(Debug, Parser)]
#[command(name = "cellblock", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GlobalArgs {
    /// Read this configuration file instead of the usual one
    #[arg(long, value_name = "FILE", global = true, display_order = 900)]
    pub(crate) config_file: Option<PathBuf>,
    /// The directory that holds the environments
    #[arg(long, value_name = "DIR", global = true, display_order = 901)]
    pub(crate) environments: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a file of code, or code given on the command line or standard input
    Run(Box<RunArgs>),
    /// Run a program of an environment with its arguments
    Exec(Box<ExecArgs>),
    /// Run a shell command line
    Shell(Box<ShellArgs>),
    /// Open a Python prompt that keeps its variables and files until you leave
    Session(Box<SessionArgs>),
    /// Serve runs and sessions over HTTP
    Serve(ServeArgs),
    /// Offer runs, sessions and files to an assistant over standard input and output (MCP)
    Mcp(McpArgs),
    /// Register git repositories whose code is run at a commit
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Keep the data that projects are run on
    #[command(subcommand)]
    Data(DataCommand),
    /// Run projects, and look at what is kept of all that ran
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Carry out runs of projects that others put into the queue
    Worker(StateDirArgs),
    /// List the languages and whether this machine has their tools
    Languages(FormatArgs),
    /// Create, sync, list, show or remove environments
    #[command(subcommand)]
    Env(EnvCommand),
    /// Create, list or revoke the keys that callers of a server show
    #[command(subcommand)]
    Key(KeyCommand),
    /// Launch a sandbox, probe it from inside, and report what is enforced
    Doctor(FormatArgs),
    /// Show the configuration and where each value came from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version(FormatArgs),
    #[command(flatten)]
    Bubble(BubbleCommand),
}

/// How a report is printed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The code itself, instead of a file
    #[arg(short = 'c', long = "code", value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// The language, where the file's name does not tell
    #[arg(short = 'l', long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    #[command(flatten)]
    pub(crate) options: RunOptions,
    /// The file, or `-` for standard input; then the program's arguments
    #[arg(value_name = "FILE [ARGS]", trailing_var_arg = true)]
    pub(crate) words: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) options: RunOptions,
    /// The program and its arguments
    #[arg(value_name = "PROGRAM", trailing_var_arg = true, required = true)]
    pub(crate) words: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct ShellArgs {
    #[command(flatten)]
    pub(crate) options: RunOptions,
    /// The command line for `sh -c`
    #[arg(value_name = "COMMAND")]
    pub(crate) command: String,
    /// Arguments of the command line: `$1`, `$2` and so on
    #[arg(value_name = "ARGS", trailing_var_arg = true)]
    pub(crate) words: Vec<OsString>,
}

/// What every way to run something has in common.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Work in this directory of the host instead of an empty one
    #[arg(short = 'w', long, value_name = "DIR[:ro]")]
    pub(crate) workdir: Option<SharedDir>,
    /// Copy a file or directory in first; DST is relative to the workspace
    #[arg(long = "upload", value_name = "SRC[:DST]")]
    pub(crate) uploads: Vec<Transfer>,
    /// Copy a file or directory out afterwards; SRC is relative to the workspace
    #[arg(long = "download", value_name = "SRC[:DST]")]
    pub(crate) downloads: Vec<Transfer>,
    /// Print one JSON object at the end instead of the program's output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print what the sandbox would be and run nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// How the interpreter comes to be; the sandbox is as strict in every case
    #[arg(long, value_enum, default_value_t = StartArg::Auto)]
    pub(crate) start: StartArg,
    /// The same as `--start exec`
    #[arg(long, conflicts_with = "start")]
    pub(crate) cold: bool,
    /// Say nothing on standard error but errors
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
}

/// Where code is to run, and what it may do there.
#[derive(Args, Debug)]
pub(crate) struct PlaceArgs {
    /// The environment to run in; `bare` is this machine's own interpreters
    #[arg(short = 'E', long, value_name = "NAME", default_value = "bare")]
    pub(crate) environment: String,
    /// Set an env var, or pass the caller's on where only KEY is given
    #[arg(short = 'e', long = "env-var", value_name = "KEY[=VALUE]")]
    pub(crate) env_vars: Vec<EnvVar>,
    /// Show a host path inside
    #[arg(short = 'v', long = "volume", value_name = "SRC:DST[:ro]")]
    pub(crate) volumes: Vec<Volume>,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Reach of the network
    #[arg(long, value_enum, default_value_t = NetworkArg::None)]
    pub(crate) network: NetworkArg,
    /// Which system calls are allowed
    #[arg(long, value_enum, default_value_t = ProfileArg::Default)]
    pub(crate) profile: ProfileArg,
    /// Run although this control is missing here; `cgroup` stands for four of them
    #[arg(long = "allow-missing", value_name = "CONTROL")]
    pub(crate) allow_missing: Vec<String>,
}

impl PlaceArgs {
    /// What was given of the settings, by configuration key.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.limits.given().chain(self.record.given())
    }
}

/// Whether what runs leaves a record, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecordArgs {
    /// Leave a record, which `cellblock runs` shows
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub(crate) record: Option<bool>,
    #[command(flatten)]
    pub(crate) place: StateDirArgs,
}

impl RecordArgs {
    /// What was given, by configuration key.
    fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let record = self.record.map(|wanted| ("record", if wanted { "true" } else { "false" }));
        record.into_iter().chain(self.place.given())
    }
}

/// The heading of the limits in a command's help.
const LIMITS: &str = "Limits";

/// Limits, as text that is known to parse. What is not given comes from the configuration.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LimitArgs {
    /// Time from start to end
    #[arg(help_heading = LIMITS)]
    #[arg(short = 't', long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) timeout: Option<String>,
    /// Processor time of all processes together
    #[arg(help_heading = LIMITS, long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) cpu_time: Option<String>,
    /// Memory of all processes and files together
    #[arg(help_heading = LIMITS)]
    #[arg(short = 'm', long, value_name = "SIZE", value_parser = value::size)]
    pub(crate) memory: Option<String>,
    /// Processors, such as 1.5
    #[arg(help_heading = LIMITS, long, value_name = "N", value_parser = value::cpus)]
    pub(crate) cpus: Option<String>,
    /// Processes and threads
    #[arg(help_heading = LIMITS, long, value_name = "N", value_parser = value::count)]
    pub(crate) pids: Option<String>,
    /// Open files of one process
    #[arg(help_heading = LIMITS, long, value_name = "N", value_parser = value::count)]
    pub(crate) open_files: Option<String>,
    /// Size of the largest file
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = value::size)]
    pub(crate) file_size: Option<String>,
    /// Bytes of everything writable
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = value::size)]
    pub(crate) workspace_size: Option<String>,
    /// Files and directories of everything writable
    #[arg(help_heading = LIMITS, long, value_name = "N", value_parser = value::count)]
    pub(crate) workspace_files: Option<String>,
    /// Bytes kept of each output stream, from its start and its end
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = value::size)]
    pub(crate) output_limit: Option<String>,
}

impl LimitArgs {
    /// What was given, by configuration key.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("timeout", &self.timeout),
            ("cpu_time", &self.cpu_time),
            ("memory", &self.memory),
            ("cpus", &self.cpus),
            ("pids", &self.pids),
            ("open_files", &self.open_files),
            ("file_size", &self.file_size),
            ("workspace_size", &self.workspace_size),
            ("workspace_files", &self.workspace_files),
            ("output_limit", &self.output_limit),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkArg {
    /// Nothing but a loopback of its own
    None,
    /// The host's network, without restriction
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StartArg {
    /// From a ready one where the engine keeps some, else by a fresh start
    Auto,
    /// By a fresh start, with a memory layout that no other run shares
    Exec,
    /// Forked from a parked interpreter where the code is Python, else by a fresh start;
    /// with nothing on standard input
    Fork,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileArg {
    /// Less than most programs want
    Strict,
    /// What ordinary programs and compilers need
    Default,
    /// `default` with what debuggers need
    Compat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Create an environment and install its packages
    Create {
        /// Its name
        name: String,
        /// A package it holds, such as `pandas>=3`; may be repeated
        #[arg(long = "with", value_name = "PACKAGE")]
        packages: Vec<String>,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Install what an environment's pyproject.toml asks for
    Sync {
        /// Its name
        name: String,
    },
    /// List the environments
    List(FormatArgs),
    /// Show one environment
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Remove an environment with its packages
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every value with its source
    Show {
        #[command(flatten)]
        limits: LimitArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once(&"cellblock").chain(words))
    }

    fn run(words: &[&str]) -> RunArgs {
        match parse(words).map(|cli| cli.command) {
            Ok(Command::Run(args)) => *args,
            other => panic!("not a run: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
        BubbleCli::command().debug_assert();
    }

    #[test]
    fn flags_after_the_file_are_the_programs() {
        let args = run(&["run", "-q", "hello.py", "--json", "-q", "--", "x"]);
        assert!(args.options.quiet && !args.options.json);
        assert_eq!(args.words, ["hello.py", "--json", "-q", "--", "x"]);
    }

    #[test]
    fn unknown_flags_before_the_file_are_refused() {
        assert!(parse(&["run", "--bogus", "hello.py"]).is_err());
        assert!(parse(&["run", "-Z", "hello.py"]).is_err());
    }

    #[test]
    fn a_dash_is_a_file_and_code_takes_all_words_as_arguments() {
        assert_eq!(run(&["run", "-", "-l", "python"]).words, ["-", "-l", "python"]);
        let args = run(&["run", "-c", "print(1)", "-l", "py", "a", "-b"]);
        assert_eq!(args.code.as_deref(), Some("print(1)"));
        assert_eq!(args.words, ["a", "-b"]);
    }

    #[test]
    fn limits_are_checked_as_they_are_typed() {
        let args = run(&["run", "-t", "5m", "-m", "512M", "--cpus", "1.5", "x.py"]);
        let given: Vec<_> = args.options.place.limits.given().collect();
        assert_eq!(given, [("timeout", "5m"), ("memory", "512M"), ("cpus", "1.5")]);
        for bad in [["-t", "0"], ["-t", "soon"], ["-m", "much"], ["--cpus", "x"], ["--pids", "-1"]]
        {
            assert!(parse(&["run", bad[0], bad[1], "x.py"]).is_err(), "{bad:?}");
        }
    }
}

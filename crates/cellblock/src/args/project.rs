//! The verbs about projects, their data and their runs.

use std::path::PathBuf;

use api::{RunKind, RunStatus, Timestamp};
use clap::{Args, Subcommand};

use super::{FormatArgs, StateDirArgs, value};

/// Where records and projects are, and how reports look.
#[derive(Args, Clone, Debug)]
pub(crate) struct LedgerArgs {
    #[command(flatten)]
    pub(crate) place: StateDirArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Register a git repository as a project
    Add {
        /// What the project is called
        name: String,
        /// The repository: a URL, or a directory of this machine, bare or not
        repository: String,
        /// What it is
        #[arg(long, default_value = "")]
        description: String,
        /// The environment that it runs in
        #[arg(short = 'E', long = "environment", value_name = "NAME")]
        environment: Option<String>,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// List the projects
    List {
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Show a project, its branches and its data
    Show {
        /// The project
        name: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Forget a project and its data; records of its runs stay
    Remove {
        /// The project
        name: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
}

impl ProjectCommand {
    /// Where the verb looks, and how it reports.
    pub(crate) const fn ledger(&self) -> &LedgerArgs {
        match self {
            Self::Add { ledger, .. }
            | Self::List { ledger }
            | Self::Show { ledger, .. }
            | Self::Remove { ledger, .. } => ledger,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Add files (CSV, XLSX, Parquet, JSON), directories or buckets to a project's data
    Add {
        /// The project
        project: String,
        /// The files or directories, or s3://BUCKET/PREFIX, gs://… or az://…
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// List a project's data and the snapshots that were taken of it
    List {
        /// The project
        project: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Keep a project's data as it is now
    Snapshot {
        /// The project
        project: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Remove a source of a project's data, or a snapshot that no record refers to
    Remove {
        /// The project
        project: String,
        /// The source's name, or the snapshot's id
        name: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
}

impl DataCommand {
    /// Where the verb looks, and how it reports.
    pub(crate) const fn ledger(&self) -> &LedgerArgs {
        match self {
            Self::Add { ledger, .. }
            | Self::List { ledger, .. }
            | Self::Snapshot { ledger, .. }
            | Self::Remove { ledger, .. } => ledger,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Run a project, or one of its models, and wait for the end
    Run(Box<ProjectRunArgs>),
    /// List what ran, the newest first
    #[command(visible_alias = "ls")]
    List(RunsListArgs),
    /// Show the record of a run
    Get {
        /// The run's id, or its beginning
        run: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Print one output of a run; without a name, list them
    Output {
        /// The run's id, or its beginning
        run: String,
        /// The output
        name: Option<String>,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Take a run back
    Cancel {
        /// The run's id, or its beginning
        run: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Print what a run wrote, and follow it if it still runs
    Logs {
        /// The run's id, or its beginning
        run: String,
        /// Go on until the run is over
        #[arg(short = 'f', long)]
        follow: bool,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Show what the numbers of two runs differ in
    Compare {
        /// The run that is compared with
        base: String,
        /// The run that is compared
        scenario: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
    /// Repeat a run with the same code, data and parameters
    Rerun {
        /// The run's id, or its beginning
        run: String,
        #[command(flatten)]
        ledger: LedgerArgs,
    },
}

impl RunsCommand {
    /// Where the verb looks, and how it reports.
    pub(crate) fn ledger(&self) -> &LedgerArgs {
        match self {
            Self::Run(args) => &args.ledger,
            Self::List(args) => &args.ledger,
            Self::Get { ledger, .. }
            | Self::Output { ledger, .. }
            | Self::Cancel { ledger, .. }
            | Self::Logs { ledger, .. }
            | Self::Compare { ledger, .. }
            | Self::Rerun { ledger, .. } => ledger,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct ProjectRunArgs {
    /// The project
    pub(crate) project: String,
    /// Run this model alone, not `run.py`
    #[arg(short = 'm', long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The branch; the repository's usual one if not given
    #[arg(short = 'b', long)]
    pub(crate) branch: Option<String>,
    /// The commit, or its beginning; the branch's newest if not given
    #[arg(long, value_name = "SHA")]
    pub(crate) commit: Option<String>,
    /// Parameters as JSON, or `@FILE`
    #[arg(long, value_name = "JSON")]
    pub(crate) parameters: Option<String>,
    /// The data snapshot; the newest if not given
    #[arg(long, value_name = "ID")]
    pub(crate) snapshot: Option<String>,
    /// Give up after so long, such as 90s
    #[arg(short = 't', long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) timeout: Option<String>,
    /// Put it into the queue and come back; a server or `cellblock worker` runs it
    #[arg(short = 'd', long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RunsListArgs {
    /// Those of this project
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// Those with this status, such as success or failed
    #[arg(long)]
    pub(crate) status: Option<RunStatus>,
    /// Those of this kind: run, turn, command or project
    #[arg(long)]
    pub(crate) kind: Option<RunKind>,
    /// Those asked for at this moment or later, such as 2026-11-26 or 2026-11-26T08:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub(crate) since: Option<Timestamp>,
    /// Those asked for before this moment
    #[arg(long, value_name = "MOMENT")]
    pub(crate) until: Option<Timestamp>,
    /// How many at most
    #[arg(short = 'n', long, default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
    /// Where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    #[command(flatten)]
    pub(crate) ledger: LedgerArgs,
}

//! The verbs of bubble-sandbox 0.13, each one call into the engine.
//!
//! Unlike there, nothing of the caller's env vars, standard input or
//! capabilities reaches the program, and output is bounded while it is read.

use std::path::PathBuf;

use api::{
    Access, Event, LimitsSpec, NetworkSpec, PolicySpec, Program, RunRequest, ShareSpec, Source,
    StreamName, Workspace,
};
use clap::CommandFactory;
use engine::{Cancel, EventSink, Input, environment};
use serde::Serialize;

use super::{Context, context, settle, version::VERSION};
use crate::{
    args::{BubbleCli, BubbleCommand, CheckArgs, ConfigArgs, ExecuteArgs, GlobalArgs, PythonArgs},
    bubble::{BubbleError, Ending, Report, Settings, Window, check_environment, volume},
    code::Origin,
    config::{self, HostVars},
    drive::{Driven, Driver},
    exit,
    failure::Failure,
    render, request,
};

/// Where the workspace is seen.
const WORK: &str = "/sandbox/work";
/// The name of scripts that come without a file.
const SCRIPT_NAME: &str = "script.py";

/// When this program is called as `bubble-sandbox`.
pub(super) fn main(cli: BubbleCli, as_json: bool) -> u8 {
    if cli.version {
        let line = format!("Installed bubble_sandbox version: 0.13 (cellblock {VERSION})\n");
        return settle(render::text(&line).map(|()| exit::SUCCESS), false, status);
    }
    match cli.command {
        Some(command) => run(command, &GlobalArgs::default(), as_json),
        None => {
            render::help(&BubbleCli::command().render_help().to_string());
            exit::USAGE
        }
    }
}

/// Carries out one of the verbs; gives the exit status.
pub(super) fn run(command: BubbleCommand, global: &GlobalArgs, as_json: bool) -> u8 {
    settle(dispatch(command, global), as_json, status)
}

/// Wrong usage is 2; whatever else keeps a verb from being carried out is 1.
fn status(failure: &Failure) -> u8 {
    match failure.status() {
        exit::BROKEN_PIPE => exit::BROKEN_PIPE,
        exit::USAGE => exit::USAGE,
        _ => exit::NO,
    }
}

fn dispatch(command: BubbleCommand, global: &GlobalArgs) -> Result<u8, Failure> {
    let context = context(global, None, HostVars::read())?;
    match command {
        BubbleCommand::ListEnvironments(args) => list(&args, &context),
        BubbleCommand::Check(args) => check(args, &context),
        BubbleCommand::ExecutePython(args) => {
            let program = Program::Source(script(&args)?);
            execute(&args.common, (program, Vec::new()), context)
        }
        BubbleCommand::Execute { common, words } => {
            let mut words = words.into_iter();
            let name = words.next().unwrap_or_default();
            execute(&common, (Program::Command { name }, words.collect()), context)
        }
        BubbleCommand::ExecCommand { common, command } => {
            let program = Program::Command { name: "sh".to_owned() };
            execute(&common, (program, vec!["-c".to_owned(), command]), context)
        }
    }
}

/// Its own settings; our flag for the directory of environments beats them.
fn settings(args: &ConfigArgs, context: &Context) -> Result<Settings, Failure> {
    let mut settings = Settings::load(args.config.as_deref(), &context.vars)?;
    let ours = context.config.values.get("environments");
    if ours.is_some_and(|value| matches!(value.source, config::Source::Flag(_))) {
        settings.environments.clone_from(&context.config.settings.environments);
    }
    Ok(settings)
}

#[derive(Serialize)]
struct ListingJson {
    environments: Vec<EnvironmentJson>,
}

#[derive(Serialize)]
struct EnvironmentJson {
    name: String,
    description: Option<String>,
    dependencies: Vec<String>,
}

fn list(args: &ConfigArgs, context: &Context) -> Result<u8, Failure> {
    let settings = settings(args, context)?;
    let listing = environment::list(&settings.environments)?;
    for (name, error) in &listing.unreadable {
        render::note(&format!("the environment {name} cannot be read: {error}"));
    }
    let found = listing.environments.into_iter().map(|found| EnvironmentJson {
        name: found.project,
        description: found.description,
        dependencies: found.dependencies,
    });
    let listing = ListingJson { environments: found.collect() };
    if args.agent || args.json {
        render::pretty_json(&listing)?;
    } else {
        for found in &listing.environments {
            let description = found.description.as_deref().unwrap_or_default();
            let line = format!("{}  {description}", found.name);
            render::text(&format!("{}\n", render::printable(line.trim_end())))?;
            for package in &found.dependencies {
                render::text(&format!("  {}\n", render::printable(package)))?;
            }
        }
    }
    Ok(exit::SUCCESS)
}

#[derive(Serialize)]
struct CheckJson {
    available: bool,
    reason: Option<String>,
}

fn check(args: CheckArgs, context: &Context) -> Result<u8, Failure> {
    let network = if args.network { NetworkSpec::Full } else { NetworkSpec::None };
    let reason = unavailable(network, context).err().map(|error| error.to_string());
    let json = CheckJson { available: reason.is_none(), reason };
    let status = if json.available { exit::SUCCESS } else { exit::NO };
    if args.agent || args.json {
        render::json(&json)?;
    } else {
        render::text(&format!("{}\n", json.reason.as_deref().unwrap_or("Sandbox available")))?;
    }
    Ok(status)
}

/// Runs a program that does nothing; an error says why that cannot be had.
fn unavailable(network: NetworkSpec, context: &Context) -> Result<(), BubbleError> {
    let request = RunRequest {
        environment: environment::BARE.to_owned(),
        program: Program::Command { name: "true".to_owned() },
        args: Vec::new(),
        workspace: Workspace::Private,
        uploads: Vec::new(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        list_changes: false,
        scratch: Vec::new(),
        exhibits: Vec::new(),
        policy: PolicySpec {
            network: Some(network),
            allow_missing: context.config.settings.allow_missing.clone(),
            ..PolicySpec::default()
        },
    };
    let failed = |failure: Failure| BubbleError::Unavailable { reason: failure.body().message };
    let driver = Driver::unrecorded(&context.config.settings, &context.vars).map_err(failed)?;
    let io = (Input::Empty, Cancel::new());
    let driven = driver.run(request, &mut super::run::Silent, io);
    let result = driven.and_then(|driven| driven.result.map_err(Failure::from)).map_err(failed)?;
    if result.outcome.is_success() {
        return Ok(());
    }
    let status = exit::of_outcome(&result.outcome);
    Err(BubbleError::Unavailable {
        reason: format!("a program that does nothing ended with {status}"),
    })
}

fn script(args: &PythonArgs) -> Result<Source, Failure> {
    let origin = match (&args.script, &args.script_file) {
        (Some(text), _) => Origin::Text(text.clone()),
        (None, Some(path)) => Origin::File(path.clone()),
        (None, None) => Origin::Stdin,
    };
    let source = origin.read(Some("python"))?;
    Ok(Source { file_name: SCRIPT_NAME.to_owned(), ..source })
}

fn execute(
    args: &ExecuteArgs,
    program: (Program, Vec<String>),
    mut context: Context,
) -> Result<u8, Failure> {
    let settings = settings(&args.config, &context)?;
    check_environment(&settings.environments, &args.environment)?;
    context.config.settings.environments.clone_from(&settings.environments);
    let request = request_of(args, program, &settings, &context)?;
    let driver = Driver::start(&context.config.settings, &context.vars)?;
    let mut streams = Streams::new(settings.output_chars);
    let io = (Input::Empty, Cancel::new());
    let driven = driver.run(request, &mut streams, io)?;
    let report = report(driven, streams, &settings)?;
    if args.config.json {
        render::json(&report)?
    } else {
        render::text(&report.text())?
    }
    Ok(report.return_code)
}

fn request_of(
    args: &ExecuteArgs,
    (program, words): (Program, Vec<String>),
    settings: &Settings,
    context: &Context,
) -> Result<RunRequest, Failure> {
    let workspace = match &args.workdir {
        Some(dir) => request::shared_workspace(dir, WORK, Access::ReadWrite)?,
        None => Workspace::PrivateAt { target: WORK.into() },
    };
    let configured = &context.config.settings;
    Ok(RunRequest {
        environment: args.environment.clone(),
        program,
        args: words,
        workspace,
        uploads: Vec::new(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        list_changes: false,
        scratch: Vec::new(),
        exhibits: Vec::new(),
        policy: PolicySpec {
            limits: LimitsSpec {
                wall_time_ms: Some(settings.timeout_ms()),
                ..configured.limits.clone()
            },
            shares: args.volumes.iter().map(|given| share(given)).collect::<Result<_, _>>()?,
            allow_missing: configured.allow_missing.clone(),
            ..PolicySpec::default()
        },
    })
}

fn share(given: &str) -> Result<ShareSpec, Failure> {
    let volume = volume(given)?;
    let source: PathBuf = request::existing(&volume.source)?;
    Ok(ShareSpec { source, target: volume.target, access: volume.access })
}

/// Both streams, shortened as they come in.
struct Streams {
    stdout: Window,
    stderr: Window,
}

impl Streams {
    const fn new(characters: usize) -> Self {
        Self { stdout: Window::new(characters), stderr: Window::new(characters) }
    }
}

impl EventSink for Streams {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Output { stream: StreamName::Stdout, bytes } => self.stdout.push(bytes),
            Event::Output { stream: StreamName::Stderr, bytes } => self.stderr.push(bytes),
            _ => {}
        }
    }
}

fn report(driven: Driven, streams: Streams, settings: &Settings) -> Result<Report, Failure> {
    let outcome = driven.result?.outcome;
    let (stdout, stdout_cut) = streams.stdout.finish();
    let (stderr, stderr_cut) = streams.stderr.finish();
    let return_code = driven.signal.map_or_else(|| exit::of_outcome(&outcome), exit::of_signal);
    let truncated = stdout_cut || stderr_cut;
    let ending = Ending { outcome, timeout_seconds: settings.timeout_seconds, truncated };
    Ok(Report { stdout, stderr, return_code, ending })
}

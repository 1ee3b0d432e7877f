//! `run_command`: a line for the shell in a session.

use std::path::PathBuf;

use engine::SessionRun;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{calls, ran::Ran};
use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
    v1::{
        commands,
        program::{self, Wanted},
    },
};

/// A line for the shell; or the run of an earlier call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct RunCommandArgs {
    /// The line. Left out with `run_id`, and never else.
    command: Option<String>,
    /// The session to run it in; a new one if left out.
    session_id: Option<String>,
    /// The environment of a new session; see `list_environments`. `bare` if left out.
    environment: Option<String>,
    /// The directory to start in, relative to the workspace.
    cwd: Option<String>,
    /// What it reads from its standard input.
    stdin: Option<String>,
    /// How long it may take.
    timeout_seconds: Option<f64>,
    /// How long to wait for its end.
    wait_seconds: Option<f64>,
    /// Asks again for a run that went on.
    run_id: Option<String>,
}

/// `run_command`.
pub(in crate::mcp) struct RunCommand;

impl Kind for RunCommand {
    const NAME: &'static str = "run_command";
    const TITLE: &'static str = "Run a command";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::RUNS;
    type Args = RunCommandArgs;
    type Output = Ran;

    fn description(app: &App) -> String {
        format!(
            "Runs a line of the shell in a session's workspace, beside its Python: the two share \
             files, not variables. {}",
            calls::bounds(app)
        )
    }

    async fn call(call: Call, args: RunCommandArgs) -> Result<Answer<Ran>, Refusal> {
        let patience = call.patience(args.wait_seconds)?;
        if let Some(run_id) = &args.run_id {
            calls::check_alone(&[
                ("command", args.command.is_some()),
                ("environment", args.environment.is_some()),
                ("cwd", args.cwd.is_some()),
                ("stdin", args.stdin.is_some()),
                ("timeout_seconds", args.timeout_seconds.is_some()),
            ])?;
            return calls::again(&call, run_id, patience).await;
        }
        let Some(line) = args.command else {
            return Err(Refusal::invalid("command: it is missing"));
        };
        let wall_time = calls::wall_time(&call.app, args.timeout_seconds)?;
        let wanted = Wanted { shell: Some(line), ..Wanted::default() };
        let (program, words) = program::with_args(wanted, Vec::new())?;
        let run = SessionRun {
            args: words,
            wall_time: Some(wall_time),
            directory: args.cwd.map(PathBuf::from),
            ..SessionRun::new(program)
        };
        let opened = calls::open(&call, args.session_id.as_deref(), args.environment).await?;
        let entry = opened.entry.clone();
        let terms = calls::terms(&call, &entry);
        let began = commands::start(&call.app, &entry, (run, args.stdin), terms);
        calls::run(&call, opened, began, patience).await
    }
}

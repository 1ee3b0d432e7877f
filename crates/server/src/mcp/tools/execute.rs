//! `execute_code`: code in a session.

use engine::{SessionRun, language};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    calls::{self, Opened},
    ran::Ran,
};
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
        turns::{self, NewTurn},
        view::millis,
    },
};

/// What the kernel of a session speaks.
const KERNEL: &str = "python";

/// Code that is to be run; or the run of an earlier call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ExecuteCodeArgs {
    /// The code. Left out with `run_id`, and never else.
    code: Option<String>,
    /// Its language; `python` if left out. Python keeps its variables from call to call;
    /// other languages run as programs in the session's workspace.
    language: Option<String>,
    /// The session to run it in; a new one if left out.
    session_id: Option<String>,
    /// The environment of a new session; see `list_environments`. `bare` if left out.
    environment: Option<String>,
    /// How long it may take.
    timeout_seconds: Option<f64>,
    /// How long to wait for its end.
    wait_seconds: Option<f64>,
    /// Asks again for a run that went on.
    run_id: Option<String>,
}

/// `execute_code`.
pub(in crate::mcp) struct ExecuteCode;

impl Kind for ExecuteCode {
    const NAME: &'static str = "execute_code";
    const TITLE: &'static str = "Execute code";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::RUNS;
    type Args = ExecuteCodeArgs;
    type Output = Ran;

    fn description(app: &App) -> String {
        format!(
            "Runs code in an isolated session. Python keeps its variables, imports and files from \
             call to call, shows the value of the last expression, and shows plots. {}",
            calls::bounds(app)
        )
    }

    async fn call(call: Call, args: ExecuteCodeArgs) -> Result<Answer<Ran>, Refusal> {
        let patience = call.patience(args.wait_seconds)?;
        if let Some(run_id) = &args.run_id {
            calls::check_alone(&[
                ("code", args.code.is_some()),
                ("language", args.language.is_some()),
                ("environment", args.environment.is_some()),
                ("timeout_seconds", args.timeout_seconds.is_some()),
            ])?;
            return calls::again(&call, run_id, patience).await;
        }
        let Some(code) = args.code else {
            return Err(Refusal::invalid("code: it is missing"));
        };
        let wall_time = calls::wall_time(&call.app, args.timeout_seconds)?;
        let language = args.language.unwrap_or_else(|| KERNEL.to_owned());
        let known = language::find(&language).ok_or_else(|| unknown(&language))?;
        let opened = calls::open(&call, args.session_id.as_deref(), args.environment).await?;
        let Opened { entry, .. } = &opened;
        let entry = entry.clone();
        let terms = calls::terms(&call, &entry);
        if known.name == KERNEL {
            let turn = NewTurn::of_code(code, millis(wall_time));
            let began = turns::start(&call.app, &entry, turn, terms);
            return calls::run(&call, opened, began, patience).await;
        }
        let wanted = Wanted { language: Some(language), code: Some(code), ..Wanted::default() };
        let (program, args) = program::with_args(wanted, Vec::new())?;
        let run = SessionRun { args, wall_time: Some(wall_time), ..SessionRun::new(program) };
        let began = commands::start(&call.app, &entry, (run, None), terms);
        calls::run(&call, opened, began, patience).await
    }
}

fn unknown(language: &str) -> Refusal {
    let message = format!("language: there is none of the name {language:?}");
    let names: Vec<_> = language::LANGUAGES.iter().map(|language| language.name).collect();
    Refusal::new(api::ErrorCode::LanguageUnknown, message)
        .hint(format!("the languages are {}", names.join(", ")))
}

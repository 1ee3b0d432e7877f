//! The verbs: each decodes what was typed, makes one call into the engine, and
//! has what came of it rendered. The list of verbs is the `match` below.

mod bubble;
mod completion;
mod config;
mod data;
mod doctor;
mod env;
mod key;
mod languages;
mod mcp;
mod plan;
mod project;
mod run;
mod runs;
mod serve;
mod session;
mod version;
mod worker;

use std::{ffi::OsString, path::Path};

use clap::Parser;

use crate::{
    args::{BubbleCli, Cli, Command, ConfigCommand, GlobalArgs, LedgerArgs, LimitArgs},
    config::{Config, HostVars, load},
    failure::Failure,
    ledger::Ledger,
    render,
};

/// The other name by which this program may be called.
const BUBBLE_NAME: &str = "bubble-sandbox";

/// Does what the arguments say; gives the exit status.
pub(crate) fn main(words: Vec<OsString>) -> u8 {
    let as_json = asks_for_json(&words);
    let name = words.first().map(Path::new).and_then(Path::file_name);
    if name == Some(BUBBLE_NAME.as_ref()) {
        return match BubbleCli::try_parse_from(words) {
            Ok(cli) => bubble::main(cli, as_json),
            Err(error) => render::usage(&error, as_json),
        };
    }
    match Cli::try_parse_from(words) {
        Ok(Cli { command: Command::Bubble(command), global }) => {
            bubble::run(command, &global, as_json)
        }
        Ok(cli) => settle(dispatch(cli), as_json, Failure::status),
        Err(error) => render::usage(&error, as_json),
    }
}

/// Whether `--json` stands among the flags, also where they cannot be parsed.
fn asks_for_json(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let vars = HostVars::read();
    let global = cli.global;
    match cli.command {
        Command::Run(args) => {
            let context = context_of(&global, args.options.place.given(), vars)?;
            run::code(*args, &context)
        }
        Command::Exec(args) => {
            let context = context_of(&global, args.options.place.given(), vars)?;
            run::program(*args, &context)
        }
        Command::Shell(args) => {
            let context = context_of(&global, args.options.place.given(), vars)?;
            run::shell(*args, &context)
        }
        Command::Session(args) => {
            let context = context_of(&global, args.place.given(), vars)?;
            session::open(&args, &context)
        }
        Command::Serve(args) => {
            let given = [
                ("listen", args.listen.as_deref()),
                ("state_dir", args.state_dir.as_deref()),
                ("mcp_tools", args.mcp_tools.as_deref()),
            ];
            let flags = given.into_iter().filter_map(|(name, text)| Some((name, text?)));
            serve::run(&context_of(&global, flags, vars)?)
        }
        Command::Mcp(args) => {
            let given =
                [("state_dir", args.state_dir.as_deref()), ("mcp_tools", args.tools.as_deref())];
            let flags = given.into_iter().filter_map(|(name, text)| Some((name, text?)));
            mcp::run(&context_of(&global, flags, vars)?)
        }
        Command::Project(command) => {
            on_ledger(command.ledger(), &global, vars, |ledger, as_json| {
                project::run(ledger, &command, as_json)
            })
        }
        Command::Data(command) => on_ledger(command.ledger(), &global, vars, |ledger, as_json| {
            data::run(ledger, &command, as_json)
        }),
        Command::Runs(command) => on_ledger(command.ledger(), &global, vars, |ledger, as_json| {
            runs::run(ledger, &command, as_json)
        }),
        Command::Worker(place) => worker::run(&context_of(&global, place.given(), vars)?),
        Command::Languages(format) => languages::list(format, &context(&global, None, vars)?),
        Command::Env(command) => env::run(command, &context(&global, None, vars)?),
        Command::Key(command) => {
            let flags = key::place(&command).given();
            key::run(&command, &context_of(&global, flags, vars)?)
        }
        Command::Doctor(format) => doctor::report(format, &context(&global, None, vars)?),
        Command::Config(ConfigCommand::Show { limits, format }) => {
            config::show(format, &context(&global, Some(&limits), vars)?)
        }
        Command::Completion { shell } => completion::print(shell),
        Command::Version(format) => version::print(format),
        // Told apart before, for their exit statuses differ.
        Command::Bubble(command) => Ok(bubble::run(command, &global, false)),
    }
}

/// Carries out a verb about what is kept.
fn on_ledger(
    args: &LedgerArgs,
    global: &GlobalArgs,
    vars: HostVars,
    verb: impl FnOnce(&Ledger, bool) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    let context = context_of(global, args.place.given(), vars)?;
    let ledger = Ledger::open(&context.config.settings, &context.vars)?;
    let status = verb(&ledger, args.format.json);
    ledger.close();
    status
}

/// Reports a failure if there is one; gives the exit status.
fn settle(result: Result<u8, Failure>, as_json: bool, status: fn(&Failure) -> u8) -> u8 {
    match result {
        Ok(status) => status,
        Err(failure) => {
            render::failure(&failure, as_json);
            status(&failure)
        }
    }
}

/// What every verb works with.
struct Context {
    config: Config,
    vars: HostVars,
}

fn context(
    global: &GlobalArgs,
    limits: Option<&LimitArgs>,
    vars: HostVars,
) -> Result<Context, Failure> {
    context_of(global, limits.into_iter().flat_map(LimitArgs::given), vars)
}

/// A context with these flags of the verb's own, by configuration key.
fn context_of<'a>(
    global: &'a GlobalArgs,
    flags: impl IntoIterator<Item = (&'static str, &'a str)>,
    vars: HostVars,
) -> Result<Context, Failure> {
    let environments = global.environments.as_deref().map(|text| ("environments", text));
    let flags = environments.into_iter().chain(flags);
    let config = load(global.config_file.as_deref(), &vars, flags)?;
    Ok(Context { config, vars })
}

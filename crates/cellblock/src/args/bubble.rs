//! The verbs of bubble-sandbox 0.13 with their flags and short forms, as its users type them.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

/// Runs code in a sandbox, with the verbs of bubble-sandbox.
#[derive(Debug, Parser)]
#[command(name = "bubble-sandbox", disable_version_flag = true, max_term_width = 100)]
pub(crate) struct BubbleCli {
    /// Print the version
    #[arg(short = 'v', long, action = ArgAction::SetTrue)]
    pub(crate) version: bool,
    #[command(subcommand)]
    pub(crate) command: Option<BubbleCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BubbleCommand {
    /// List the environments, as bubble-sandbox does
    ListEnvironments(ConfigArgs),
    /// Tell whether a sandbox can be had here
    Check(CheckArgs),
    /// Run a Python script given as text, file or standard input
    #[command(alias = "exec-script")]
    ExecutePython(PythonArgs),
    /// Run a program with its arguments
    Execute {
        #[command(flatten)]
        common: ExecuteArgs,
        /// The program and its arguments
        #[arg(value_name = "COMMAND", trailing_var_arg = true, required = true)]
        words: Vec<String>,
    },
    /// Run a shell command line
    ExecCommand {
        #[command(flatten)]
        common: ExecuteArgs,
        /// The command line for `sh -c`
        #[arg(value_name = "COMMAND")]
        command: String,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// A YAML file of settings
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print for agents: no decoration
    #[arg(short = 'a', long = "agent")]
    pub(crate) agent: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct CheckArgs {
    /// With the host's network
    #[arg(short = 'n', long)]
    pub(crate) network: bool,
    /// Print for agents: JSON
    #[arg(short = 'a', long = "agent")]
    pub(crate) agent: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ExecuteArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The environment to run in
    #[arg(short = 'e', long, value_name = "NAME", default_value = "bare")]
    pub(crate) environment: String,
    /// A host directory to work in, seen at /sandbox/work
    #[arg(short = 'w', long, value_name = "DIR")]
    pub(crate) workdir: Option<PathBuf>,
    /// A host path seen at /sandbox/volumes/NAME
    #[arg(short = 'v', long = "volume", value_name = "NAME,HOST_PATH[,rw]")]
    pub(crate) volumes: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PythonArgs {
    #[command(flatten)]
    pub(crate) common: ExecuteArgs,
    /// The script's text
    #[arg(short = 's', long, value_name = "CODE", conflicts_with = "script_file")]
    pub(crate) script: Option<String>,
    /// The script's file
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) script_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Option<BubbleCommand> {
        let words = std::iter::once(&"bubble-sandbox").chain(words);
        BubbleCli::try_parse_from(words).ok()?.command
    }

    #[test]
    fn scripts_run_under_both_names() {
        for verb in ["execute-python", "exec-script"] {
            let Some(BubbleCommand::ExecutePython(args)) =
                parse(&[verb, "-s", "print(1)", "-v", "a,/srv", "-v", "b,/x,rw", "-a"])
            else {
                panic!("{verb} is not known");
            };
            assert_eq!(args.script.as_deref(), Some("print(1)"));
            assert_eq!(args.common.volumes, ["a,/srv", "b,/x,rw"]);
            assert!(args.common.config.agent);
            assert_eq!(args.common.environment, "bare");
        }
    }

    #[test]
    fn commands_keep_their_flags() {
        let Some(BubbleCommand::Execute { words, .. }) = parse(&["execute", "--", "ls", "-la"])
        else {
            panic!("execute is not known");
        };
        assert_eq!(words, ["ls", "-la"]);
    }
}

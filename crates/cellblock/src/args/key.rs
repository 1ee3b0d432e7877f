//! The verbs about keys of a server.

use clap::{Args, Subcommand, ValueEnum};
use server::keys::{KeyName, TenantId};

use super::{FormatArgs, value};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key and print it; it is not shown again
    Create(CreateKeyArgs),
    /// List the keys, without their secrets
    List {
        #[command(flatten)]
        place: StateDirArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Revoke a key; a running server refuses it within a second
    Revoke {
        /// Its id, the 12 digits after `cbk_`
        // Text, for a refusal that repeated it could repeat a whole key.
        id: String,
        #[command(flatten)]
        place: StateDirArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct CreateKeyArgs {
    /// The tenant that it speaks for; tenants see nothing of each other
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantId,
    /// What it is good for; each holds those before it
    #[arg(long = "scope", value_name = "SCOPE", value_enum, default_value = "run")]
    pub(crate) scopes: Vec<ScopeArg>,
    /// What you call it
    #[arg(long, default_value = "")]
    pub(crate) name: KeyName,
    /// Refuse it after so long, such as 30d; never if not given
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) expires: Option<String>,
    #[command(flatten)]
    pub(crate) place: StateDirArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Where a server keeps what outlives it.
#[derive(Args, Clone, Debug)]
pub(crate) struct StateDirArgs {
    /// The directory of what outlives a server: keys, records, projects
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
}

impl StateDirArgs {
    /// What was given, by configuration key.
    pub(crate) fn given(&self) -> Option<(&'static str, &str)> {
        self.state_dir.as_deref().map(|text| ("state_dir", text))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Look at what the tenant has
    Read,
    /// Run code and change files
    Run,
    /// See how the server fares
    Admin,
}

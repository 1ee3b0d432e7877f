//! What a caller asks a sandbox to be: partial, and not trusted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Control, LimitsSpec};

/// The policy that a caller wants. Resolving it against the operator's ceiling
/// gives the complete policy that a backend enforces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySpec {
    /// The named set of system calls; `default` if left out.
    pub profile: Option<ProfileName>,
    /// Quantities.
    pub limits: LimitsSpec,
    /// Reach of the network; none if left out.
    pub network: Option<NetworkSpec>,
    /// Host paths to be seen inside.
    pub shares: Vec<ShareSpec>,
    /// Env vars of the program; nothing of the host's is passed on.
    pub env_vars: BTreeMap<String, String>,
    /// Controls without which the caller is willing to run.
    pub allow_missing: BTreeSet<Control>,
    /// How the interpreter comes to be; `auto` if left out.
    pub start: Option<StartSpec>,
}

/// How the interpreter of a run comes to be. It is as confined in every way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartSpec {
    /// From the pool where there is one that fits, else by a fresh start.
    #[default]
    Auto,
    /// From the pool, or forked from a parked interpreter at once; by a fresh start
    /// only where the run cannot be had so.
    Fork,
    /// By a fresh start: with an address space that no other run's is a copy of.
    Exec,
}

/// A named set of allowed system calls.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProfileName {
    /// Less than most programs want: no Unix sockets, no file locks.
    Strict,
    /// What ordinary programs and compilers need.
    #[default]
    Default,
    /// `default` with message queues and `ptrace` for debuggers.
    Compat,
}

impl ProfileName {
    /// Every profile, strictest first.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Default, Self::Compat];

    /// The name in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Default => "default",
            Self::Compat => "compat",
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no profile is called {name:?}: there are strict, default and compat")]
pub struct UnknownProfile {
    /// What was given.
    pub name: String,
}

impl FromStr for ProfileName {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| UnknownProfile { name: text.to_owned() })
    }
}

/// Reach of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkSpec {
    /// An own network with loopback only.
    #[default]
    None,
    /// The host's network, without restriction.
    Full,
}

/// A host path that is to be seen inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareSpec {
    /// A file or directory of the host; must exist.
    #[schema(value_type = String)]
    pub source: PathBuf,
    /// Where it is seen inside; an absolute path.
    #[schema(value_type = String)]
    pub target: PathBuf,
    /// Whether it may be written to.
    pub access: Access,
}

/// What may be done with a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Access {
    /// Reading only.
    #[serde(rename = "ro")]
    ReadOnly,
    /// Reading and writing.
    #[serde(rename = "rw")]
    ReadWrite,
}

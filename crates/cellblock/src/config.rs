//! The configuration: defaults, then a file, then env vars, then flags.
//!
//! The only place that reads this process's env vars. Everything is read and
//! checked before anything is started, and each value remembers its source.

mod host_vars;
mod keys;
mod otari_keys;
mod other_names;
mod record_keys;
mod server_keys;
mod telemetry;
mod tenants;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use api::{Control, LimitsSpec};
use server::keys::TenantId;

use crate::log;
pub(crate) use host_vars::{HostVars, absolute};
pub(crate) use keys::{Key, all as all_keys};
pub(crate) use telemetry::traces;
pub(crate) use tenants::Tenant;

/// The largest configuration file: far above all keys with room for comments.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File(PathBuf),
    EnvVar(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::EnvVar(name) => write!(formatter, "env var {name}"),
            Self::Flag(name) => write!(formatter, "flag --{}", name.replace('_', "-")),
        }
    }
}

/// One value as it was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) source: Source,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration file {path:?}", path = path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the configuration file {path:?} is larger than 1 MiB", path = path.display())]
    TooLarge { path: PathBuf },
    #[error("the configuration file {path:?} is not TOML: {message}", path = path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("the configuration file {path:?} has an unknown key {key:?}", path = path.display())]
    UnknownKey { path: PathBuf, key: String, known: Vec<&'static str> },
    #[error("{key} from {origin} cannot be used: {reason}")]
    BadValue { key: String, origin: Source, reason: String },
}

impl ConfigError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { known, .. } => Some(format!("the keys are {}", known.join(", "))),
            Self::BadValue { .. } => {
                Some("`cellblock config show` prints every value with its source".to_owned())
            }
            Self::Read { .. } | Self::TooLarge { .. } | Self::Syntax { .. } => None,
        }
    }
}

/// The whole configuration, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Each key's value; a key that is not here has no value.
    pub(crate) values: BTreeMap<&'static str, Value>,
    /// What tenants have that are named.
    pub(crate) tenants: BTreeMap<TenantId, Tenant>,
    pub(crate) settings: Settings,
}

/// What the values mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The directory of environments.
    pub(crate) environments: PathBuf,
    /// Where a server keeps what outlives it; nowhere without a home.
    pub(crate) state_dir: Option<PathBuf>,
    /// The interpreter of `bare`, where one is named.
    pub(crate) python: Option<PathBuf>,
    /// Controls without which every run may go.
    pub(crate) allow_missing: BTreeSet<Control>,
    /// Limits that were given; what is absent is the engine's default.
    pub(crate) limits: LimitsSpec,
    /// Whether reports have colours.
    pub(crate) color: Color,
    /// Whether the host's audit log is to have every refused system call.
    pub(crate) audit: bool,
    /// Whether nobody else's code may run on a core beside a sandbox's.
    pub(crate) core_scheduling: bool,
    /// What is kept of runs, and for how long.
    pub(crate) records: RecordSettings,
    /// What concerns the server alone.
    pub(crate) server: ServerSettings,
}

/// What is kept of runs, and for how long; what is absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordSettings {
    /// Whether what is run at the prompt leaves records.
    pub(crate) one_shot: bool,
    /// Where records are.
    pub(crate) database: Option<String>,
    /// Where the bytes are that they refer to.
    pub(crate) blobs: Option<String>,
    /// Host directories in which repositories may be registered.
    pub(crate) repository_dirs: Vec<PathBuf>,
    /// Those in which data may be.
    pub(crate) data_dirs: Vec<PathBuf>,
    /// Buckets that data may be in.
    pub(crate) buckets: Vec<record::BucketLocation>,
    /// Whether it may be in any: whoever asks has the credentials anyway.
    pub(crate) every_bucket: bool,
    /// Whether git may fetch over the network for callers of a server.
    pub(crate) remote_git: bool,
    pub(crate) workers: Option<u64>,
    pub(crate) lease_ms: Option<u64>,
    pub(crate) age_ms: Option<u64>,
    pub(crate) count: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

/// What concerns the server alone; what is absent is its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) auth: server::Auth,
    pub(crate) hosts: Vec<server::HostName>,
    pub(crate) callback_hosts: Option<Vec<String>>,
    pub(crate) connections_max: Option<u64>,
    pub(crate) sessions_max: Option<u64>,
    pub(crate) runs_max: Option<u64>,
    pub(crate) idle_time_ms: Option<u64>,
    pub(crate) lifetime_ms: Option<u64>,
    pub(crate) drain_time_ms: Option<u64>,
    pub(crate) mcp_tools: server::mcp::Profile,
    pub(crate) log_format: log::Format,
    pub(crate) log_level: log::Level,
    /// The most that a caller may ask for.
    pub(crate) maximum: LimitsSpec,
    pub(crate) tenant: TenantSettings,
    /// What tenants may have that are named; what is absent is as for the others.
    pub(crate) tenants: BTreeMap<TenantId, TenantSettings>,
    /// Sessions of otari's protocol.
    pub(crate) otari: server::OtariConfig,
}

/// What a tenant of the server may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TenantSettings {
    pub(crate) sessions_max: Option<u64>,
    pub(crate) runs_max: Option<u64>,
    pub(crate) runs_per_minute: Option<u64>,
    pub(crate) workspace_bytes: Option<u64>,
}

/// Whether reports have colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Color {
    /// On terminals, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Reads the configuration.
///
/// # Errors
/// The file cannot be read, has a key that is none, or a value makes no sense.
pub(crate) fn load<'a>(
    file: Option<&Path>,
    vars: &HostVars,
    flags: impl Iterator<Item = (&'static str, &'a str)>,
) -> Result<Config, ConfigError> {
    let mut values = defaults(vars);
    let mut tenants = BTreeMap::new();
    if let Some((path, text)) = read_file(file, vars)? {
        let written = from_file(&path, &text)?;
        values.extend(written.values);
        tenants = written.tenants;
    }
    values.extend(other_names::values(vars));
    values.extend(from_vars(vars));
    for (key, text) in flags {
        values.insert(key, Value { text: text.to_owned(), source: Source::Flag(key) });
    }
    let mut settings = interpret(&values)?;
    let of = |(id, tenant): (&TenantId, &Tenant)| (id.clone(), tenant.settings.clone());
    settings.server.tenants = tenants.iter().map(of).collect();
    Ok(Config { values, tenants, settings })
}

fn defaults(vars: &HostVars) -> BTreeMap<&'static str, Value> {
    let given = |key: &Key| Some((key.name, (key.default)(vars)?));
    let value = |(name, text)| (name, Value { text, source: Source::Default });
    all_keys().filter_map(given).map(value).collect()
}

/// The file that was named, which must exist; else the usual one, which need not.
fn read_file(
    named: Option<&Path>,
    vars: &HostVars,
) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let named = named.map(Path::to_owned).or_else(|| vars.path("CELLBLOCK_CONFIG"));
    let required = named.is_some();
    let usual = || Some(vars.config_home()?.join("cellblock/config.toml"));
    let Some(path) = named.or_else(usual) else { return Ok(None) };
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => Err(ConfigError::TooLarge { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(None),
        _ => match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(source) => Err(ConfigError::Read { path, source }),
        },
    }
}

/// What a file says.
#[derive(Debug, Default)]
struct Written {
    values: Vec<(&'static str, Value)>,
    tenants: BTreeMap<TenantId, Tenant>,
}

fn from_file(path: &Path, text: &str) -> Result<Written, ConfigError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let message = error.to_string().trim().replace('\n', " ");
        ConfigError::Syntax { path: path.to_owned(), message }
    })?;
    let mut written = Written::default();
    for (name, value) in table {
        if name == tenants::TABLE {
            written.tenants = tenants::read(path, value)?;
            continue;
        }
        let Some(key) = keys::find(&name) else {
            let known = all_keys().map(|key| key.name).chain([tenants::TABLE]).collect();
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key: name, known });
        };
        let source = Source::File(path.to_owned());
        let text = plain_text(value).ok_or_else(|| ConfigError::BadValue {
            key: key.name.to_owned(),
            origin: source.clone(),
            reason: "expected a text, a number, true or false, or a list of texts".to_owned(),
        })?;
        let text = if key.is_path { beside(path, &text) } else { text };
        written.values.push((key.name, Value { text, source }));
    }
    Ok(written)
}

/// A path in a file is relative to the file's directory.
fn beside(file: &Path, text: &str) -> String {
    let directory = file.parent().unwrap_or(Path::new(""));
    directory.join(text).to_string_lossy().into_owned()
}

fn plain_text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.into_iter().map(plain_text).collect();
            Some(texts?.join(","))
        }
        _ => None,
    }
}

fn from_vars(vars: &HostVars) -> impl Iterator<Item = (&'static str, Value)> + '_ {
    all_keys().filter_map(|key| {
        let text = vars.text(key.env_var)?;
        Some((key.name, Value { text, source: Source::EnvVar(key.env_var) }))
    })
}

fn interpret(values: &BTreeMap<&'static str, Value>) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    for key in all_keys() {
        let Some(value) = values.get(key.name) else { continue };
        // A limit's default is the engine's: named for people, not asked for.
        if key.is_limit && value.source == Source::Default {
            continue;
        }
        (key.apply)(&value.text, &mut settings).map_err(|reason| ConfigError::BadValue {
            key: key.name.to_owned(),
            origin: value.source.clone(),
            reason,
        })?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(
        vars: &[(&str, &str)],
        flags: &[(&'static str, &'static str)],
    ) -> Result<Config, ConfigError> {
        load(None, &HostVars::of(vars), flags.iter().copied())
    }

    fn message(result: Result<impl fmt::Debug, ConfigError>) -> String {
        result.map_or_else(|error| error.to_string(), |value| panic!("no error: {value:?}"))
    }

    #[test]
    fn later_sources_win_and_are_remembered() {
        let vars = [("CELLBLOCK_TIMEOUT", "5m"), ("CELLBLOCK_PIDS", "9")];
        let config = with(&vars, &[("timeout", "2s")]).unwrap();
        assert_eq!(config.settings.limits.wall_time_ms, Some(2000));
        assert_eq!(config.settings.limits.pids, Some(9));
        assert_eq!(config.values["timeout"].source, Source::Flag("timeout"));
        assert_eq!(config.values["pids"].source, Source::EnvVar("CELLBLOCK_PIDS"));
        assert_eq!(config.values["memory"].source, Source::Default);
        assert_eq!(config.settings.limits.memory_bytes, None);
    }

    #[test]
    fn environments_follow_the_users_directories() {
        let places = [
            (&[("HOME", "/h")][..], "/h/.local/share/cellblock/environments"),
            (&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")], "/d/cellblock/environments"),
            (&[("HOME", "/h"), ("CELLBLOCK_ENVIRONMENTS", "/e")], "/e"),
        ];
        for (vars, place) in places {
            assert_eq!(with(vars, &[]).unwrap().settings.environments, Path::new(place));
        }
    }

    #[test]
    fn files_are_read_key_by_key() {
        let text = "environments = 'envs'\ncpus = 1.5\naudit = true\npids = 64\nmemory = '2G'\n\
                    allow_missing = ['cgroup', 'own-uid']";
        let values = from_file(Path::new("/etc/x.toml"), text).unwrap().values;
        let settings = interpret(&values.into_iter().collect()).unwrap();
        assert_eq!(settings.environments, Path::new("/etc/envs"));
        assert_eq!(settings.limits.cpu_millis, Some(1500));
        assert_eq!(settings.limits.pids, Some(64));
        assert_eq!(settings.limits.memory_bytes, Some(2 << 30));
        assert_eq!(settings.allow_missing.len(), 5);
        assert!(settings.audit);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let file = |text| from_file(Path::new("c.toml"), text);
        assert!(message(file("tiemout = 3")).contains("unknown key \"tiemout\""));
        assert!(message(file("timeout = ")).contains("\"c.toml\" is not TOML"));
        assert!(message(file("timeout = { a = 1 }")).contains("timeout from file c.toml"));
        let text = message(with(&[("CELLBLOCK_MEMORY", "much")], &[]));
        assert!(text.starts_with("memory from env var CELLBLOCK_MEMORY cannot be used"), "{text}");
        let text = message(with(&[("CELLBLOCK_ALLOW_MISSING", "cgroups")], &[]));
        assert!(text.contains("no control is called \"cgroups\""), "{text}");
    }
}

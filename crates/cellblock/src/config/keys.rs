//! Every configuration key, as one table: its names, its default, its meaning.

use api::Control;
use policy::Limits;

use super::{
    Color, HostVars, Settings, absolute, otari_keys::OTARI_KEYS, record_keys::RECORD_KEYS,
    server_keys::SERVER_KEYS,
};
use crate::{
    args::{parse_count, parse_cpus},
    duration, size,
};

/// Where a service of the whole machine keeps its state.
const ROOT_STATE_DIR: &str = "/var/lib/cellblock";

/// One key.
pub(crate) struct Key {
    /// Its name in the file and as a flag (there with `-` for `_`).
    pub(crate) name: &'static str,
    /// The env var that sets it.
    pub(crate) env_var: &'static str,
    /// What it decides, in one sentence.
    pub(crate) about: &'static str,
    /// Whether it names a path, relative to the file that it stands in.
    pub(crate) is_path: bool,
    /// Whether it is a limit of runs.
    pub(crate) is_limit: bool,
    /// Its text as it may be printed.
    pub(crate) shown: fn(&str) -> String,
    /// Its value where nobody gives one.
    pub(crate) default: fn(&HostVars) -> Option<String>,
    /// Reads its text into the settings, or says what is wrong with it.
    pub(crate) apply: fn(&str, &mut Settings) -> Result<(), String>,
}

/// The keys of every command.
const COMMON_KEYS: &[Key] = &[
    Key {
        name: "environments",
        env_var: "CELLBLOCK_ENVIRONMENTS",
        about: "the directory that holds the environments",
        is_path: true,
        is_limit: false,
        shown: str::to_owned,
        default: |vars| {
            let directory = vars.data_home().join("cellblock/environments");
            Some(directory.to_string_lossy().into_owned())
        },
        apply: |text, settings| {
            settings.environments = absolute(text.as_ref());
            Ok(())
        },
    },
    Key {
        name: "state_dir",
        env_var: "CELLBLOCK_STATE_DIR",
        about: "the directory of a server's keys; root's is `/var/lib/cellblock`",
        is_path: true,
        is_limit: false,
        shown: str::to_owned,
        default: state_dir,
        apply: |text, settings| {
            settings.state_dir = Some(absolute(text.as_ref()));
            Ok(())
        },
    },
    Key {
        name: "python",
        env_var: "CELLBLOCK_PYTHON",
        about: "the interpreter of the environment `bare`; found on PATH if not given",
        is_path: true,
        is_limit: false,
        shown: str::to_owned,
        default: |_| None,
        apply: |text, settings| {
            settings.python = Some(absolute(text.as_ref()));
            Ok(())
        },
    },
    Key {
        name: "allow_missing",
        env_var: "CELLBLOCK_ALLOW_MISSING",
        about: "controls without which every run may go, separated by commas",
        is_path: false,
        is_limit: false,
        shown: str::to_owned,
        default: |_| None,
        apply: allow_missing,
    },
    Key {
        name: "color",
        env_var: "CELLBLOCK_COLOR",
        about: "colours in reports: auto, always or never",
        is_path: false,
        is_limit: false,
        shown: str::to_owned,
        default: |_| Some("auto".to_owned()),
        apply: color,
    },
    Key {
        name: "audit",
        env_var: "CELLBLOCK_AUDIT",
        about: "whether the host's audit log is to have refused system calls: true or false",
        is_path: false,
        is_limit: false,
        shown: str::to_owned,
        default: |_| Some("false".to_owned()),
        apply: |text, settings| {
            settings.audit = truth(text)?;
            Ok(())
        },
    },
    Key {
        name: "core_scheduling",
        env_var: "CELLBLOCK_CORE_SCHEDULING",
        about: "whether only a run's own code may be on a core with its code: true or false",
        is_path: false,
        is_limit: false,
        shown: str::to_owned,
        default: |_| Some("false".to_owned()),
        apply: |text, settings| {
            settings.core_scheduling = truth(text)?;
            Ok(())
        },
    },
    Key {
        default: |_| Some(duration::format(millis(Limits::default().wall_time))),
        apply: |text, settings| set(&mut settings.limits.wall_time_ms, duration::parse(text)),
        ..limit("timeout", "CELLBLOCK_TIMEOUT", "time from a run's start to its end")
    },
    Key {
        apply: |text, settings| set(&mut settings.limits.cpu_time_ms, duration::parse(text)),
        ..limit("cpu_time", "CELLBLOCK_CPU_TIME", "processor time of all processes of a run")
    },
    Key {
        default: |_| Some(size::format(Limits::default().memory_bytes)),
        apply: |text, settings| set(&mut settings.limits.memory_bytes, size::parse(text)),
        ..limit("memory", "CELLBLOCK_MEMORY", "memory of all processes and files of a run")
    },
    Key {
        apply: |text, settings| set(&mut settings.limits.cpu_millis, parse_cpus(text)),
        ..limit("cpus", "CELLBLOCK_CPUS", "processors that a run may use; all if not given")
    },
    Key {
        default: |_| Some(Limits::default().pids.to_string()),
        apply: |text, settings| set(&mut settings.limits.pids, parse_count(text)),
        ..limit("pids", "CELLBLOCK_PIDS", "processes and threads of a run")
    },
    Key {
        default: |_| Some(Limits::default().open_files.to_string()),
        apply: |text, settings| set(&mut settings.limits.open_files, parse_count(text)),
        ..limit("open_files", "CELLBLOCK_OPEN_FILES", "open files of one process")
    },
    Key {
        default: |_| Some(size::format(Limits::default().file_size_bytes)),
        apply: |text, settings| set(&mut settings.limits.file_size_bytes, size::parse(text)),
        ..limit("file_size", "CELLBLOCK_FILE_SIZE", "size of the largest file")
    },
    Key {
        default: |_| Some(size::format(Limits::default().workspace_bytes)),
        apply: |text, settings| set(&mut settings.limits.workspace_bytes, size::parse(text)),
        ..limit("workspace_size", "CELLBLOCK_WORKSPACE_SIZE", "bytes of everything writable")
    },
    Key {
        default: |_| Some(Limits::default().workspace_inodes.to_string()),
        apply: |text, settings| set(&mut settings.limits.workspace_inodes, parse_count(text)),
        ..limit("workspace_files", "CELLBLOCK_WORKSPACE_FILES", "files of everything writable")
    },
    Key {
        apply: |text, settings| set(&mut settings.limits.output_bytes, size::parse(text)),
        ..limit("output_limit", "CELLBLOCK_OUTPUT_LIMIT", "bytes kept of each output stream")
    },
];

/// Every key.
pub(crate) fn all() -> impl Iterator<Item = &'static Key> {
    COMMON_KEYS.iter().chain(RECORD_KEYS).chain(SERVER_KEYS).chain(OTARI_KEYS)
}

/// The key of a name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

/// A key that has no default and says nothing yet.
pub(super) const fn key(name: &'static str, env_var: &'static str, about: &'static str) -> Key {
    Key {
        name,
        env_var,
        about,
        is_path: false,
        is_limit: false,
        shown: str::to_owned,
        default: |_| None,
        apply: |_, _| Ok(()),
    }
}

const fn limit(name: &'static str, env_var: &'static str, about: &'static str) -> Key {
    Key {
        name,
        env_var,
        about,
        is_path: false,
        is_limit: true,
        shown: str::to_owned,
        default: |_| None,
        apply: |_, _| Ok(()),
    }
}

fn state_dir(vars: &HostVars) -> Option<String> {
    if rustix::process::geteuid().is_root() {
        return Some(ROOT_STATE_DIR.to_owned());
    }
    Some(vars.state_home()?.join("cellblock").to_string_lossy().into_owned())
}

pub(super) fn set<E: ToString>(
    field: &mut Option<u64>,
    value: Result<u64, E>,
) -> Result<(), String> {
    *field = Some(value.map_err(|error| error.to_string())?);
    Ok(())
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn allow_missing(text: &str, settings: &mut Settings) -> Result<(), String> {
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let controls = Control::named(name).map_err(|error| error.to_string())?;
        settings.allow_missing.extend(controls);
    }
    Ok(())
}

fn color(text: &str, settings: &mut Settings) -> Result<(), String> {
    settings.color = match text {
        "auto" => Color::Auto,
        "always" => Color::Always,
        "never" => Color::Never,
        _ => return Err("expected auto, always or never".to_owned()),
    };
    Ok(())
}

pub(super) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "expected true or false".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_an_env_var_of_its_name_and_an_account_of_itself() {
        for key in all() {
            let own = format!("CELLBLOCK_{}", key.name.to_uppercase());
            // Others had them before us.
            let otaris = own.replace("CELLBLOCK_OTARI", "SANDBOX");
            let is_otaris = key.name.starts_with("otari_") && key.env_var == otaris;
            assert!(key.env_var == own || is_otaris, "{}", key.name);
            assert!(!key.about.is_empty() && !key.about.ends_with('.'), "{}", key.name);
        }
    }

    #[test]
    fn every_default_is_one_that_may_be_given() {
        for key in all() {
            if let Some(text) = (key.default)(&HostVars::default()) {
                assert_eq!((key.apply)(&text, &mut Settings::default()), Ok(()), "{}", key.name);
            }
        }
    }
}

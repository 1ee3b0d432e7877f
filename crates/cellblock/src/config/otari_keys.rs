//! The configuration keys of sessions of otari's protocol. Their env vars are those that
//! its operators set already; two are of our own.

use std::time::Duration;

use server::OtariConfig;

use super::keys::{Key, key, millis};
use crate::{args::parse_count, duration};

const MIB: u64 = 1 << 20;
/// The fewest open files with which an interpreter works.
const OPEN_FILES_MIN: u64 = 16;
/// The least memory in which one works, in MiB.
const MEMORY_MB_MIN: u64 = 64;

/// The keys of sessions of otari's protocol.
pub(super) const OTARI_KEYS: &[Key] = &[
    Key {
        default: |_| Some(OtariConfig::default().environment),
        apply: |text, settings| {
            settings.server.otari.environment = text.to_owned();
            Ok(())
        },
        ..key(
            "otari_environment",
            "CELLBLOCK_OTARI_ENVIRONMENT",
            "the environment of otari's sessions",
        )
    },
    Key {
        default: |_| Some(OtariConfig::default().sessions_max.to_string()),
        apply: |text, settings| {
            let count = usize::try_from(counted(text)?).map_err(|error| error.to_string())?;
            // More than that could not be told apart by their places.
            settings.server.otari.sessions_max = count.min(SESSIONS_MOST);
            Ok(())
        },
        ..key(
            "otari_sessions_max",
            "CELLBLOCK_OTARI_SESSIONS_MAX",
            "otari's sessions at any one moment",
        )
    },
    key(
        "otari_sessions_root",
        "SANDBOX_SESSIONS_ROOT",
        "accepted and ignored: sessions keep nothing in a directory of the host",
    ),
    Key {
        apply: |text, _| duration::parse(text).map(drop).map_err(|error| error.to_string()),
        ..key(
            "otari_session_gc_interval",
            "SANDBOX_SESSION_GC_INTERVAL",
            "accepted and ignored: a session ends when its time is over",
        )
    },
    Key {
        default: |_| Some(duration::format(millis(OtariConfig::default().idle_time))),
        apply: |text, settings| set_time(&mut settings.server.otari.idle_time, text),
        ..key(
            "otari_session_idle_timeout",
            "SANDBOX_SESSION_IDLE_TIMEOUT",
            "how long a session of otari's may be unused if its client does not say",
        )
    },
    Key {
        default: |_| Some(duration::format(millis(OtariConfig::default().lifetime))),
        apply: |text, settings| set_time(&mut settings.server.otari.lifetime, text),
        ..key(
            "otari_session_max_lifetime",
            "SANDBOX_SESSION_MAX_LIFETIME",
            "how old a session of otari's may get, and be unused at the client's wish",
        )
    },
    Key {
        apply: |text, settings| {
            set_time(&mut settings.server.otari.wall_time, text)?;
            let time = &mut settings.server.otari.wall_time;
            *time = OtariConfig::WALL_TIME_MAX.min(*time);
            Ok(())
        },
        ..key(
            "otari_runner_wall_clock_seconds",
            "SANDBOX_RUNNER_WALL_CLOCK_SECONDS",
            "how long a call of otari's may take if its client does not say; 30 s if not given",
        )
    },
    Key {
        default: |_| Some(duration::format(millis(OtariConfig::default().cpu_time))),
        apply: |text, settings| set_time(&mut settings.server.otari.cpu_time, text),
        ..key(
            "otari_runner_cpu_seconds",
            "SANDBOX_RUNNER_CPU_SECONDS",
            "processor time of one call of otari's",
        )
    },
    Key {
        default: |_| Some((OtariConfig::default().memory_bytes / MIB).to_string()),
        apply: |text, settings| {
            let most = counted(text)?;
            if most < MEMORY_MB_MIN {
                return Err(format!("an interpreter needs {MEMORY_MB_MIN} MiB"));
            }
            settings.server.otari.memory_bytes = most.saturating_mul(MIB);
            Ok(())
        },
        ..key(
            "otari_runner_memory_mb",
            "SANDBOX_RUNNER_MEMORY_MB",
            "MiB of memory of a session of otari's",
        )
    },
    Key {
        default: |_| Some((OtariConfig::default().file_size_bytes / MIB).to_string()),
        apply: |text, settings| {
            settings.server.otari.file_size_bytes = counted(text)?.saturating_mul(MIB);
            Ok(())
        },
        ..key(
            "otari_runner_fsize_mb",
            "SANDBOX_RUNNER_FSIZE_MB",
            "MiB of the largest file of a session of otari's",
        )
    },
    Key {
        default: |_| Some(OtariConfig::default().open_files.to_string()),
        apply: |text, settings| {
            let most = counted(text)?;
            if most < OPEN_FILES_MIN {
                return Err(format!("an interpreter needs {OPEN_FILES_MIN}"));
            }
            settings.server.otari.open_files = most;
            Ok(())
        },
        ..key(
            "otari_runner_nofile",
            "SANDBOX_RUNNER_NOFILE",
            "open files of one process of a session of otari's",
        )
    },
    Key {
        default: |_| Some(OtariConfig::default().output_bytes.to_string()),
        apply: |text, settings| {
            settings.server.otari.output_bytes = counted(text)?;
            Ok(())
        },
        ..key(
            "otari_runner_max_output_bytes",
            "SANDBOX_RUNNER_MAX_OUTPUT_BYTES",
            "bytes that are told of each output stream of a call of otari's",
        )
    },
];

/// The most places that are counted.
const SESSIONS_MOST: usize = 1 << 20;

fn counted(text: &str) -> Result<u64, String> {
    parse_count(text.trim()).map_err(|error| error.to_string())
}

fn set_time(time: &mut Duration, text: &str) -> Result<(), String> {
    *time = duration::parse(text).map(Duration::from_millis).map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::Settings, *};

    #[test]
    fn every_value_is_read_as_otaris_operators_write_it() {
        let table = [
            ("SANDBOX_SESSIONS_ROOT", "/var/sandbox/sessions"),
            ("SANDBOX_SESSION_IDLE_TIMEOUT", "77"),
            ("SANDBOX_SESSION_MAX_LIFETIME", "1000"),
            ("SANDBOX_SESSION_GC_INTERVAL", "30"),
            ("SANDBOX_RUNNER_MEMORY_MB", "400"),
            ("SANDBOX_RUNNER_CPU_SECONDS", "2"),
            ("SANDBOX_RUNNER_FSIZE_MB", "1"),
            ("SANDBOX_RUNNER_NOFILE", "64"),
            ("SANDBOX_RUNNER_MAX_OUTPUT_BYTES", "1000"),
            ("SANDBOX_RUNNER_WALL_CLOCK_SECONDS", "600"),
        ];
        let mut settings = Settings::default();
        for (name, text) in table {
            let key = OTARI_KEYS.iter().find(|key| key.env_var == name).unwrap();
            assert_eq!((key.apply)(text, &mut settings), Ok(()), "{name}");
        }
        let expected = OtariConfig {
            idle_time: Duration::from_secs(77),
            lifetime: Duration::from_secs(1000),
            memory_bytes: 400 * MIB,
            cpu_time: Duration::from_secs(2),
            file_size_bytes: MIB,
            open_files: 64,
            output_bytes: 1000,
            wall_time: Duration::from_secs(120),
            ..OtariConfig::default()
        };
        assert_eq!(settings.server.otari, expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for key in OTARI_KEYS.iter().filter(|key| (key.default)(&Default::default()).is_some()) {
            for text in ["", "0", "-1"] {
                let read = (key.apply)(text, &mut Settings::default());
                assert!(read.is_err() || key.name == "otari_environment", "{} {text}", key.name);
            }
        }
    }
}

//! The configuration keys of the server.

use server::{
    Auth,
    mcp::{InvalidProfile, Profile},
    quota::TenantQuota,
};
use tracing_subscriber::filter::LevelFilter;

use super::{
    Settings,
    keys::{Key, key, millis, set},
};
use crate::{args::parse_count, duration, log, size, wire};

/// The keys of the server.
pub(super) const SERVER_KEYS: &[Key] = &[
    Key {
        default: |_| Some("127.0.0.1:8787".to_owned()),
        apply: |text, settings| {
            let address = text.parse().map_err(|_| "expected ADDRESS:PORT".to_owned())?;
            settings.server.listen = Some(address);
            Ok(())
        },
        ..key("listen", "CELLBLOCK_LISTEN", "where the server listens")
    },
    Key {
        default: |_| Some("auto".to_owned()),
        apply: auth,
        ..key("auth", "CELLBLOCK_AUTH", "whether callers have to show a key: auto, required or off")
    },
    Key {
        apply: hosts,
        ..key(
            "hosts",
            "CELLBLOCK_HOSTS",
            "names that the server answers to beside its addresses, separated by commas",
        )
    },
    Key {
        apply: |text, settings| {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            settings.server.callback_hosts = Some(names.map(str::to_owned).collect());
            Ok(())
        },
        ..key(
            "callback_hosts",
            "CELLBLOCK_CALLBACK_HOSTS",
            "hosts that calls of tools may go to, separated by commas; any if not given",
        )
    },
    Key {
        default: |_| Some(wire::CONNECTIONS_MAX.to_string()),
        apply: |text, settings| set(&mut settings.server.connections_max, parse_count(text)),
        ..key("connections_max", "CELLBLOCK_CONNECTIONS_MAX", "connections at any one moment")
    },
    Key {
        default: |_| Some(wire::SESSIONS_MAX.to_string()),
        apply: |text, settings| set(&mut settings.server.sessions_max, parse_count(text)),
        ..key("sessions_max", "CELLBLOCK_SESSIONS_MAX", "sessions at any one moment")
    },
    Key {
        default: |_| Some(wire::RUNS_MAX.to_string()),
        apply: |text, settings| set(&mut settings.server.runs_max, parse_count(text)),
        ..key("runs_max", "CELLBLOCK_RUNS_MAX", "one-shot runs at any one moment")
    },
    Key {
        default: |_| Some(duration::format(millis(wire::IDLE_TIME_MAX))),
        apply: |text, settings| set(&mut settings.server.idle_time_ms, duration::parse(text)),
        ..key("idle_timeout", "CELLBLOCK_IDLE_TIMEOUT", "how long a session may be unused")
    },
    Key {
        default: |_| Some(duration::format(millis(wire::LIFETIME_MAX))),
        apply: |text, settings| set(&mut settings.server.lifetime_ms, duration::parse(text)),
        ..key("lifetime", "CELLBLOCK_LIFETIME", "how old a session may get")
    },
    Key {
        default: |_| Some(duration::format(millis(wire::DRAIN_TIME))),
        apply: |text, settings| set(&mut settings.server.drain_time_ms, duration::parse(text)),
        ..key(
            "drain_timeout",
            "CELLBLOCK_DRAIN_TIMEOUT",
            "how long what is under way may go on when the server is told to end",
        )
    },
    Key {
        default: |_| Some(Profile::default().to_string()),
        apply: |text, settings| {
            let profile = text.parse().map_err(|error: InvalidProfile| error.to_string())?;
            settings.server.mcp_tools = profile;
            Ok(())
        },
        ..key(
            "mcp_tools",
            "CELLBLOCK_MCP_TOOLS",
            "which tools assistants are offered: default, full, minimal or bridge",
        )
    },
    Key {
        default: |_| Some("text".to_owned()),
        apply: log_format,
        ..key("log_format", "CELLBLOCK_LOG_FORMAT", "how the server's log looks: text or json")
    },
    Key {
        default: |_| Some("info".to_owned()),
        apply: log_level,
        ..key(
            "log_level",
            "CELLBLOCK_LOG_LEVEL",
            "what the server logs: off, error, warn, info, debug or trace",
        )
    },
    Key {
        default: |_| Some(duration::format(millis(wire::maximum().wall_time))),
        apply: |text, settings| {
            set(&mut settings.server.maximum.wall_time_ms, duration::parse(text))
        },
        ..key("max_timeout", "CELLBLOCK_MAX_TIMEOUT", "the most time that a caller may ask for")
    },
    Key {
        default: |_| Some(size::format(wire::maximum().memory_bytes)),
        apply: |text, settings| set(&mut settings.server.maximum.memory_bytes, size::parse(text)),
        ..key("max_memory", "CELLBLOCK_MAX_MEMORY", "the most memory that a caller may ask for")
    },
    Key {
        default: |_| Some(wire::maximum().pids.to_string()),
        apply: |text, settings| set(&mut settings.server.maximum.pids, parse_count(text)),
        ..key("max_pids", "CELLBLOCK_MAX_PIDS", "the most processes that a caller may ask for")
    },
    Key {
        default: |_| Some(size::format(wire::maximum().workspace_bytes)),
        apply: |text, settings| {
            set(&mut settings.server.maximum.workspace_bytes, size::parse(text))
        },
        ..key(
            "max_workspace_size",
            "CELLBLOCK_MAX_WORKSPACE_SIZE",
            "the most bytes of everything writable that a caller may ask for",
        )
    },
    Key {
        default: |_| Some(TenantQuota::default().sessions_max.to_string()),
        apply: |text, settings| set(&mut settings.server.tenant.sessions_max, parse_count(text)),
        ..key("tenant_sessions_max", "CELLBLOCK_TENANT_SESSIONS_MAX", "sessions of one tenant")
    },
    Key {
        default: |_| Some(TenantQuota::default().runs_max.to_string()),
        apply: |text, settings| set(&mut settings.server.tenant.runs_max, parse_count(text)),
        ..key(
            "tenant_runs_max",
            "CELLBLOCK_TENANT_RUNS_MAX",
            "runs and turns of one tenant at once",
        )
    },
    Key {
        default: |_| Some(TenantQuota::default().runs_per_minute.to_string()),
        apply: |text, settings| set(&mut settings.server.tenant.runs_per_minute, parse_count(text)),
        ..key(
            "tenant_runs_per_minute",
            "CELLBLOCK_TENANT_RUNS_PER_MINUTE",
            "runs and turns that one tenant begins in a minute",
        )
    },
    Key {
        default: |_| Some(size::format(TenantQuota::default().workspace_bytes_max)),
        apply: |text, settings| set(&mut settings.server.tenant.workspace_bytes, size::parse(text)),
        ..key(
            "tenant_workspace_size",
            "CELLBLOCK_TENANT_WORKSPACE_SIZE",
            "bytes of the workspaces of all sessions of one tenant, by their limits",
        )
    },
];

fn auth(text: &str, settings: &mut Settings) -> Result<(), String> {
    settings.server.auth = match text {
        "auto" => Auth::Auto,
        "required" => Auth::Required,
        "off" => Auth::Off,
        _ => return Err("expected auto, required or off".to_owned()),
    };
    Ok(())
}

fn log_format(text: &str, settings: &mut Settings) -> Result<(), String> {
    settings.server.log_format = match text {
        "text" => log::Format::Text,
        "json" => log::Format::Json,
        _ => return Err("expected text or json".to_owned()),
    };
    Ok(())
}

fn log_level(text: &str, settings: &mut Settings) -> Result<(), String> {
    settings.server.log_level = log::Level(match text {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return Err("expected off, error, warn, info, debug or trace".to_owned()),
    });
    Ok(())
}

fn hosts(text: &str, settings: &mut Settings) -> Result<(), String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Result<Vec<_>, _> = names.map(str::parse).collect();
    settings.server.hosts = names.map_err(|error: server::InvalidHostName| error.to_string())?;
    Ok(())
}

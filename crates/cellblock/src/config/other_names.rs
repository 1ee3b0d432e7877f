//! Env vars of other servers that say what a key of ours does.

use super::{HostVars, Source, Value};

struct OtherName {
    env_var: &'static str,
    key: &'static str,
    /// What its value is in our words. Programs of all kinds read variables of such
    /// names, so a value that means nothing here is not meant for us.
    meaning: fn(&str) -> Option<String>,
}

const OTHER_NAMES: &[OtherName] = &[
    OtherName { env_var: "LOG_FORMAT", key: "log_format", meaning: log_format },
    OtherName { env_var: "LOG_LEVEL", key: "log_level", meaning: log_level },
];

/// The values that they give.
pub(super) fn values(vars: &HostVars) -> impl Iterator<Item = (&'static str, Value)> + '_ {
    OTHER_NAMES.iter().filter_map(|name| {
        let text = (name.meaning)(&vars.text(name.env_var)?)?;
        Some((name.key, Value { text, source: Source::EnvVar(name.env_var) }))
    })
}

fn log_format(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    matches!(text.as_str(), "text" | "json").then_some(text)
}

fn log_level(text: &str) -> Option<String> {
    let ours = match text.to_ascii_lowercase().as_str() {
        "critical" | "fatal" | "error" => "error",
        "warning" | "warn" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" => "trace",
        _ => return None,
    };
    Some(ours.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    #[test]
    fn our_own_names_win_and_strange_values_are_not_ours() {
        let table = [
            (&[("LOG_LEVEL", "WARNING")][..], "warn", "env var LOG_LEVEL"),
            (
                &[("LOG_LEVEL", "DEBUG"), ("CELLBLOCK_LOG_LEVEL", "off")],
                "off",
                "env var CELLBLOCK_LOG_LEVEL",
            ),
            (&[("LOG_LEVEL", "very loud")], "info", "default"),
        ];
        for (vars, text, source) in table {
            let config = load(None, &HostVars::of(vars), std::iter::empty()).unwrap();
            let value = &config.values["log_level"];
            assert_eq!((value.text.as_str(), value.source.to_string().as_str()), (text, source));
        }
    }
}

//! The settings of bubble-sandbox: a YAML file, then `BUBBLE_SANDBOX_…` env vars
//! for what the file leaves open, then the defaults of version 0.13.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::BubbleError;
use crate::config::HostVars;

/// The largest settings file: far above its four keys with comments.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The longest timeout, in seconds: what the engine's ceiling gives.
const TIMEOUT_SECONDS_MAX: f64 = 30.0 * 24.0 * 3600.0;
/// The most characters kept of a stream; they are held in memory.
const OUTPUT_CHARS_MAX: u64 = 64 << 20;

const KEYS: [&str; 4] =
    ["config_file_path", "environments_pathname", "execution_timeout_seconds", "max_output_chars"];

/// The settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// The directory of environments.
    pub(crate) environments: PathBuf,
    pub(crate) timeout_seconds: f64,
    /// Characters kept of each stream.
    pub(crate) output_chars: usize,
}

/// Reads the settings.
impl Settings {
    /// From a file, if one is given, and env vars.
    ///
    /// # Errors
    /// The file cannot be read, has a key that is none, or a value makes no sense.
    pub(crate) fn load(file: Option<&Path>, vars: &HostVars) -> Result<Self, BubbleError> {
        let mut values = match file {
            Some(path) => from_yaml(path, &read(path)?)?,
            None => BTreeMap::new(),
        };
        for key in KEYS {
            let name = format!("BUBBLE_SANDBOX_{}", key.to_uppercase());
            if let Some(text) = vars.text(&name) {
                values.entry(key.to_owned()).or_insert(Value::String(text));
            }
        }
        interpret(&values)
    }

    /// The timeout in whole milliseconds, at least one.
    pub(crate) fn timeout_ms(&self) -> u64 {
        let seconds = std::time::Duration::try_from_secs_f64(self.timeout_seconds);
        let millis = seconds.map_or(u128::MAX, |seconds| seconds.as_millis());
        u64::try_from(millis).unwrap_or(u64::MAX).max(1)
    }
}

fn read(path: &Path) -> Result<String, BubbleError> {
    let failed = |source| BubbleError::SettingsFile { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > FILE_BYTES_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn from_yaml(path: &Path, text: &str) -> Result<BTreeMap<String, Value>, BubbleError> {
    let parsed: Option<BTreeMap<String, Value>> =
        serde_saphyr::from_str(text).map_err(|error| BubbleError::SettingsSyntax {
            path: path.to_owned(),
            message: error.to_string().replace('\n', " "),
        })?;
    let values = parsed.unwrap_or_default();
    match values.keys().find(|key| !KEYS.contains(&key.as_str())) {
        Some(key) => Err(BubbleError::UnknownSetting { key: key.clone() }),
        None => Ok(values),
    }
}

fn interpret(values: &BTreeMap<String, Value>) -> Result<Settings, BubbleError> {
    let bad = |key: &str, reason| BubbleError::BadSetting { key: key.to_owned(), reason };
    let text = |key: &str| match values.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(bad(key, "expected a text or a number")),
    };
    let anchor = text("config_file_path")?.map(PathBuf::from);
    let anchor = anchor.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let environments = text("environments_pathname")?.unwrap_or_else(|| "environments".to_owned());
    let timeout = text("execution_timeout_seconds")?.unwrap_or_else(|| "30".to_owned());
    let timeout = timeout.trim().parse::<f64>().ok();
    let timeout = timeout.filter(|seconds| *seconds > 0.0 && *seconds <= TIMEOUT_SECONDS_MAX);
    let chars = text("max_output_chars")?.unwrap_or_else(|| "100000".to_owned());
    let chars = chars.trim().parse::<u64>().ok().filter(|chars| *chars <= OUTPUT_CHARS_MAX);
    Ok(Settings {
        environments: crate::config::absolute(&anchor.join(environments)),
        timeout_seconds: timeout.ok_or_else(|| {
            bad("execution_timeout_seconds", "expected seconds, more than 0 and at most 30 days")
        })?,
        output_chars: chars.and_then(|chars| usize::try_from(chars).ok()).ok_or_else(|| {
            bad("max_output_chars", "expected a whole number of at most 67108864")
        })?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn yaml(text: &str) -> Result<Settings, BubbleError> {
        interpret(&from_yaml(Path::new("c.yaml"), text)?)
    }

    #[test]
    fn defaults_are_those_of_its_version() {
        let settings = Settings::load(None, &HostVars::default()).unwrap();
        assert_eq!(settings.timeout_ms(), 30_000);
        assert_eq!(settings.output_chars, 100_000);
        assert!(settings.environments.is_absolute());
        assert!(settings.environments.ends_with("environments"));
    }

    #[test]
    fn files_and_env_vars_set_them() {
        let text = "config_file_path: /srv/config.yaml\nexecution_timeout_seconds: 1.5\n\
                    max_output_chars: 20\n";
        let settings = yaml(text).unwrap();
        assert_eq!(settings.environments, Path::new("/srv/environments"));
        assert_eq!((settings.timeout_ms(), settings.output_chars), (1500, 20));
        let vars = [
            ("BUBBLE_SANDBOX_EXECUTION_TIMEOUT_SECONDS", "2"),
            ("BUBBLE_SANDBOX_ENVIRONMENTS_PATHNAME", "/e"),
            ("BUBBLE_SANDBOX_ENVIRONMENTS_DIR", "/ignored"),
        ];
        let settings = Settings::load(None, &HostVars::of(&vars)).unwrap();
        assert_eq!(settings.timeout_ms(), 2000);
        assert_eq!(settings.environments, Path::new("/e"));
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        assert_eq!(yaml("").unwrap(), Settings::load(None, &HostVars::default()).unwrap());
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text| yaml(text).map_or_else(|error| error.to_string(), |_| String::new());
        assert_eq!(
            said("environments_dir: x\n"),
            "environments_dir: Extra inputs are not permitted"
        );
        assert!(said("execution_timeout_seconds: soon\n").contains("expected seconds"));
        assert!(said("execution_timeout_seconds: -1\n").contains("expected seconds"));
        assert!(said("max_output_chars: -1\n").contains("expected a whole number"));
        assert!(said("max_output_chars: [1]\n").contains("expected a text or a number"));
        assert!(said("a: [").contains("is not YAML"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = yaml(&text);
        }
    }
}

//! This process's env vars, read once. Nothing else in the program reads them.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Searched for interpreters and toolchains after the caller's `PATH`, which a
/// service or a cron job may have cut short.
const USUAL_DIRECTORIES: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/go/bin"];

/// This process's env vars.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostVars(BTreeMap<OsString, OsString>);

impl HostVars {
    /// Reads them.
    pub(crate) fn read() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Takes these instead.
    #[cfg(test)]
    pub(crate) fn of(vars: &[(&str, &str)]) -> Self {
        Self(vars.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A variable that is set, is not empty, and is text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = self.0.get(OsString::from(name).as_os_str())?.to_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A variable as it is, also an empty one; `None` where it is not set or not text.
    pub(crate) fn exact(&self, name: &str) -> Option<String> {
        self.0.get(OsString::from(name).as_os_str())?.to_str().map(str::to_owned)
    }

    /// Every variable that is text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (String, String)> {
        let texts = self.0.iter().map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        texts.flatten().map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// What says how buckets are reached.
    pub(crate) fn cloud(&self) -> Vec<(String, String)> {
        const PREFIXES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
        let is_one = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        self.texts().filter(|(name, _)| is_one(name)).collect()
    }

    /// A variable that holds a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.0.get(OsString::from(name).as_os_str())?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }

    /// Where the user's configuration lies.
    pub(crate) fn config_home(&self) -> Option<PathBuf> {
        self.path("XDG_CONFIG_HOME").or_else(|| Some(self.path("HOME")?.join(".config")))
    }

    /// Where the user's data lies; the current directory where there is no home.
    pub(crate) fn data_home(&self) -> PathBuf {
        let home = || Some(self.path("HOME")?.join(".local/share"));
        self.path("XDG_DATA_HOME").or_else(home).unwrap_or_default()
    }

    /// Where the user's state lies, such as a history; nowhere without a home.
    pub(crate) fn state_home(&self) -> Option<PathBuf> {
        self.path("XDG_STATE_HOME").or_else(|| Some(self.path("HOME")?.join(".local/state")))
    }

    /// Where what can be made anew lies; nowhere without a home.
    pub(crate) fn cache_home(&self) -> Option<PathBuf> {
        self.path("XDG_CACHE_HOME").or_else(|| Some(self.path("HOME")?.join(".cache")))
    }

    /// Directories searched for programs: the caller's `PATH`, then the usual ones.
    pub(crate) fn search_path(&self) -> Vec<PathBuf> {
        let path = self.path("PATH").unwrap_or_default();
        let given = std::env::split_paths(path.as_os_str()).filter(|part| part.is_absolute());
        let mut directories: Vec<PathBuf> = Vec::new();
        for directory in given.chain(USUAL_DIRECTORIES.map(PathBuf::from)) {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        directories
    }

    /// Whether the user asked for no colours.
    pub(crate) fn no_color(&self) -> bool {
        self.text("NO_COLOR").is_some() || self.text("TERM").as_deref() == Some("dumb")
    }
}

/// The current directory, for paths that users give relative to it.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_parts_of_path_are_not_searched() {
        let vars = HostVars::of(&[("PATH", ".:/a:bin:/a:/usr/bin")]);
        let expected = ["/a", "/usr/bin", "/usr/local/bin", "/bin", "/usr/local/go/bin"];
        assert_eq!(vars.search_path(), expected.map(PathBuf::from));
    }
}

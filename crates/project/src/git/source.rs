//! Where a project's code comes from: what may be registered, and what it means.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// The longest address of a repository.
const SOURCE_BYTES_MAX: usize = 2048;
/// The beginning of a file that stands for a repository elsewhere.
const GIT_FILE: &str = ".git";

/// Where a project's code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitSource {
    /// A repository that is fetched from.
    Url(String),
    /// A repository of this host.
    Directory {
        /// The directory, without symlinks.
        path: PathBuf,
        /// Where in it git's own files are: `.git`, or nothing where it is bare.
        git: &'static str,
    },
}

/// Why something cannot be a project's source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is neither an address nor an absolute path.
    #[error("{source_text:?} is neither an address of a git repository nor an absolute path")]
    Neither {
        /// What was given.
        source_text: String,
    },
    /// The address is of a kind that is not fetched from.
    #[error("{scheme:?} is not fetched from: the address must begin with https:// or ssh://")]
    Scheme {
        /// Its beginning.
        scheme: String,
    },
    /// The address has a name or a password in it.
    #[error("the address has a user name, password or token in it")]
    Credential,
    /// The address is malformed.
    #[error("the address cannot be one: {reason}")]
    Malformed {
        /// Why.
        reason: &'static str,
    },
    /// The operator does not let repositories of that place be registered.
    #[error("repositories in {path:?} may not be registered here", path = path.display())]
    Refused {
        /// The path.
        path: PathBuf,
    },
    /// There is no repository at the path.
    #[error("{path:?} is no git repository: {reason}", path = path.display())]
    NoRepository {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
}

impl SourceError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Neither { .. } => "give an address such as https://host/name.git",
            Self::Scheme { .. } => "use the repository's https address, or the path of a clone",
            Self::Credential => {
                "no credential is stored here: leave it out, and register a local clone of a \
                 private repository"
            }
            Self::Malformed { .. } => "check the address",
            Self::Refused { .. } => "ask the operator to allow that directory",
            Self::NoRepository { .. } => "give the directory of a clone, or of a bare repository",
        }
    }
}

impl GitSource {
    /// What was given, taken apart; a path is looked at.
    ///
    /// # Errors
    /// It may not be a source. `allowed` are the directories in which repositories may lie.
    pub fn parse(text: &str, allowed: &[PathBuf]) -> Result<Self, SourceError> {
        if text.len() > SOURCE_BYTES_MAX {
            return Err(SourceError::Malformed { reason: "it is longer than 2048 bytes" });
        }
        if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return Err(SourceError::Malformed { reason: "it has spaces or control characters" });
        }
        if text.starts_with('/') {
            return Self::directory(Path::new(text), allowed);
        }
        match text.split_once("://") {
            Some((scheme, rest)) => Self::url(text, scheme, rest),
            None => Self::short_ssh(text),
        }
    }

    /// The kind in a word, as it is kept.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Url(_) => "url",
            Self::Directory { .. } => "directory",
        }
    }

    /// The address or path.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Directory { path, .. } => path.display().to_string(),
        }
    }

    fn url(text: &str, scheme: &str, rest: &str) -> Result<Self, SourceError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let is_plain = match scheme {
            "https" => user.is_none(),
            // No secret goes over it: for servers of this machine.
            "http" if is_loopback(host) => user.is_none(),
            "ssh" => user.is_none_or(is_user),
            _ => return Err(SourceError::Scheme { scheme: shortened(scheme) }),
        };
        if !is_plain {
            return Err(SourceError::Credential);
        }
        check_host(host)?;
        if path.is_empty() {
            return Err(SourceError::Malformed { reason: "it names no repository" });
        }
        if path.contains(['?', '#']) {
            return Err(SourceError::Malformed { reason: "it has a query or a fragment" });
        }
        Ok(Self::Url(text.to_owned()))
    }

    /// `git@host:path`, as it is often written.
    fn short_ssh(text: &str) -> Result<Self, SourceError> {
        let neither = || SourceError::Neither { source_text: shortened(text) };
        let (authority, path) = text.split_once(':').ok_or_else(neither)?;
        let (user, host) = authority.split_once('@').ok_or_else(neither)?;
        if !is_user(user) || path.is_empty() || path.starts_with([':', '-']) {
            return Err(neither());
        }
        check_host(host)?;
        Ok(Self::Url(text.to_owned()))
    }

    fn directory(given: &Path, allowed: &[PathBuf]) -> Result<Self, SourceError> {
        let refused = || SourceError::Refused { path: given.to_owned() };
        let none = |reason| SourceError::NoRepository { path: given.to_owned(), reason };
        let is_odd = given.components().any(|part| matches!(part, Component::ParentDir));
        let may_be = allowed.iter().any(|root| given.starts_with(root));
        // Before it is looked at: what exists elsewhere is nobody's business.
        if is_odd || !may_be {
            return Err(refused());
        }
        let path = fs::canonicalize(given).map_err(|_| none("it does not exist"))?;
        let is_within =
            |root: &PathBuf| fs::canonicalize(root).is_ok_and(|root| path.starts_with(root));
        if !allowed.iter().any(is_within) {
            return Err(refused());
        }
        let inner = path.join(GIT_FILE);
        if inner.is_file() {
            return Err(none("its files are a further work tree of another repository"));
        }
        let git = if inner.is_dir() { GIT_FILE } else { "" };
        let holds = |name: &str| path.join(git).join(name).exists();
        match holds("HEAD") && holds("objects") {
            true => Ok(Self::Directory { path, git }),
            false => Err(none("it has no HEAD and no objects")),
        }
    }
}

fn is_user(user: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !user.is_empty() && !user.starts_with('-') && user.bytes().all(is_fine)
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn check_host(host: &str) -> Result<(), SourceError> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    match host.is_empty() || host.starts_with('-') || !host.bytes().all(is_fine) {
        true => Err(SourceError::Malformed { reason: "its host is none" }),
        false => Ok(()),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_or_refused_with_a_reason() {
        let fine = [
            "https://example.org/a.git",
            "https://example.org:8443/a/b",
            "ssh://git@example.org/a.git",
            "ssh://example.org:22/a",
            "git@example.org:a/b.git",
            "http://127.0.0.1:3000/a.git",
            "http://localhost/a.git",
        ];
        for text in fine {
            assert_eq!(GitSource::parse(text, &[]), Ok(GitSource::Url(text.to_owned())));
        }
        let credentials =
            ["https://me:secret@example.org/a", "https://token@example.org/a", "ssh://a:b@h/x"];
        for text in credentials {
            assert_eq!(GitSource::parse(text, &[]), Err(SourceError::Credential), "{text}");
        }
        let schemes = [
            "http://example.org/a",
            "git://example.org/a",
            "file:///srv/a",
            "ext::sh://x/y",
            "ftp://example.org/a",
            "http://127.0.0.1.example.org/a",
            "HTTPS://example.org/a",
        ];
        for text in schemes {
            let refused = GitSource::parse(text, &[]);
            assert!(matches!(refused, Err(SourceError::Scheme { .. })), "{text}: {refused:?}");
        }
        let others = [
            "",
            "a",
            "a/b",
            "./a",
            "-x",
            "ext::sh -c x",
            "https://example.org",
            "https:///a",
            "https://example.org/",
            "https://-x/a",
            "https://example.org/a?token=b",
            "https://example.org/a b",
            "https://example.org/a\n",
            "-oProxyCommand=x@h:p",
            "git@-oProxyCommand:x",
            "git@host:-x",
            "git@host:",
            "a@b@c:d",
            "x:y",
        ];
        for text in others {
            assert!(GitSource::parse(text, &[]).is_err(), "{text:?}");
        }
        assert!(GitSource::parse(&format!("https://h/{}", "a".repeat(3000)), &[]).is_err());
    }

    #[test]
    fn nothing_is_told_of_paths_that_are_not_allowed() {
        let allowed = [PathBuf::from("/srv/git")];
        for path in ["/etc/passwd", "/no/such", "/srv/gitx", "/srv/git/../../etc", "/"] {
            let refused = GitSource::parse(path, &allowed);
            assert!(matches!(refused, Err(SourceError::Refused { .. })), "{path}");
        }
    }
}

//! Tells uv what the machine's pip was told: where packages come from, and by
//! which certificates. What uv was told itself goes before.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::text_file;

/// Settings files are a few lines; more than this is not one.
const BYTES_MAX: u64 = 1 << 20;

/// Sections of pip's files that hold for installing.
const SECTIONS: [&str; 2] = ["global", "install"];

/// One setting of pip and what uv has in its place.
struct Setting {
    pip: &'static str,
    /// The env var that is set, then those that also mean it.
    uv: &'static [&'static str],
    /// What separates several values.
    separator: &'static str,
}

const SETTINGS: [Setting; 6] = [
    Setting { pip: "index-url", uv: &["UV_DEFAULT_INDEX", "UV_INDEX_URL"], separator: " " },
    Setting { pip: "extra-index-url", uv: &["UV_INDEX", "UV_EXTRA_INDEX_URL"], separator: " " },
    Setting { pip: "find-links", uv: &["UV_FIND_LINKS"], separator: "," },
    Setting { pip: "no-index", uv: &["UV_NO_INDEX"], separator: " " },
    Setting { pip: "trusted-host", uv: &["UV_INSECURE_HOST"], separator: " " },
    Setting { pip: "cert", uv: &["SSL_CERT_FILE"], separator: " " },
];

/// The env vars that uv gets beside those given.
pub(super) fn for_uv(env_vars: &[(String, String)]) -> Vec<(String, String)> {
    let of_pip = settings(env_vars);
    let is_set = |name: &&&str| lookup(env_vars, name).is_some();
    let missing = SETTINGS.iter().filter(|setting| setting.uv.iter().find(is_set).is_none());
    let given = missing.filter_map(|setting| {
        let values: Vec<&str> = of_pip.get(setting.pip)?.split_whitespace().collect();
        Some((setting.uv.first()?.to_string(), values.join(setting.separator)))
    });
    given.collect()
}

fn lookup<'a>(env_vars: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = env_vars.iter().rev().find(|(known, value)| known == name && !value.is_empty());
    found.map(|(_, value)| value.as_str())
}

/// pip's settings: of its files, the machine's first, then of its env vars.
fn settings(env_vars: &[(String, String)]) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for file in files(env_vars) {
        if let Ok(text) = text_file::read(&file, BYTES_MAX) {
            settings.extend(parse(&text));
        }
    }
    for setting in &SETTINGS {
        let name = format!("PIP_{}", setting.pip.replace('-', "_").to_ascii_uppercase());
        if let Some(value) = lookup(env_vars, &name) {
            settings.insert(setting.pip.to_owned(), value.to_owned());
        }
    }
    settings
}

fn files(env_vars: &[(String, String)]) -> Vec<PathBuf> {
    let home = lookup(env_vars, "HOME").map(PathBuf::from);
    let config = lookup(env_vars, "XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| home.as_ref().map(|home| home.join(".config")));
    let mut files = vec![PathBuf::from("/etc/xdg/pip/pip.conf"), PathBuf::from("/etc/pip.conf")];
    files.extend(home.map(|home| home.join(".pip/pip.conf")));
    files.extend(config.map(|config| config.join("pip/pip.conf")));
    match lookup(env_vars, "PIP_CONFIG_FILE") {
        Some("/dev/null") => Vec::new(),
        Some(file) => {
            files.push(Path::new(file).to_owned());
            files
        }
        None => files,
    }
}

/// The settings of a file. A line that begins with a space goes on with the
/// value before it.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    let (mut applies, mut last) = (false, None);
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        if let Some(section) = line.trim().strip_prefix('[') {
            applies = SECTIONS.contains(&section.trim_end_matches(']').trim());
            last = None;
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = last.as_ref().and_then(|key| settings.get_mut(key)) {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((key, value)) = line.split_once(['=', ':']).filter(|_| applies) {
            let key = key.trim().to_ascii_lowercase().replace('_', "-");
            settings.insert(key.clone(), value.trim().to_owned());
            last = Some(key);
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_pip_reads_them() {
        let text = "# c\n[global]\nindex-url = https://a/simple\nfind_links =\n  /one\n  /two\n\
                    [list]\nindex-url = https://no\n[install]\ncert: /ca.pem\n";
        let found = parse(text);
        let expected =
            [("cert", "/ca.pem"), ("find-links", " /one /two"), ("index-url", "https://a/simple")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn what_uv_was_told_goes_before() {
        let vars = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let none = [("PIP_CONFIG_FILE", "/dev/null")];
            none.iter().chain(pairs).map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        assert_eq!(for_uv(&vars(&[])), []);
        let both = vars(&[("PIP_INDEX_URL", "p"), ("UV_INDEX_URL", "u"), ("PIP_CERT", "c")]);
        assert_eq!(for_uv(&both), [("SSL_CERT_FILE".to_owned(), "c".to_owned())]);
        let links = vars(&[("PIP_FIND_LINKS", "/a /b")]);
        assert_eq!(for_uv(&links), [("UV_FIND_LINKS".to_owned(), "/a,/b".to_owned())]);
    }
}

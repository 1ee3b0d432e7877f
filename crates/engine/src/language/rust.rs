//! Finds the compiler that a `rustc` of rustup stands for, by rustup's own files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::text_file;

/// rustup's settings are a few lines; more than this is not them.
const SETTINGS_BYTES_MAX: u64 = 64 * 1024;

#[derive(Deserialize)]
struct Settings {
    default_toolchain: Option<String>,
}

/// The default toolchain's compiler, where `bin` holds rustup's proxies.
pub(super) fn behind_rustup(bin: &Path) -> Option<PathBuf> {
    homes(bin).iter().find_map(|home| {
        let toolchain = default_toolchain(home)?;
        let rustc = home.join("toolchains").join(toolchain).join("bin/rustc");
        fs::canonicalize(rustc).ok()
    })
}

/// Where rustup may keep its files, by the directory of its proxies: `.rustup`
/// beside `.cargo`, `rustup` beside `cargo`, or the home of the account.
fn homes(bin: &Path) -> Vec<PathBuf> {
    let beside = bin.parent().and_then(Path::parent);
    let mut homes: Vec<PathBuf> = beside
        .into_iter()
        .flat_map(|parent| [parent.join(".rustup"), parent.join("rustup")])
        .collect();
    homes.extend(account_home().map(|home| home.join(".rustup")));
    homes
}

fn default_toolchain(home: &Path) -> Option<String> {
    let text = text_file::read(&home.join("settings.toml"), SETTINGS_BYTES_MAX).ok()?;
    let settings: Settings = toml::from_str(&text).ok()?;
    settings.default_toolchain.filter(|name| !name.contains('/') && !name.starts_with('.'))
}

/// A host's list of accounts is short; a longer one is not searched further.
const ACCOUNTS_BYTES_MAX: u64 = 1 << 20;

/// The home directory of the account we run as.
fn account_home() -> Option<PathBuf> {
    let text = text_file::read(Path::new("/etc/passwd"), ACCOUNTS_BYTES_MAX).ok()?;
    let uid = rustix::process::getuid().as_raw().to_string();
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&uid))?;
    line.split(':').nth(5).filter(|home| home.starts_with('/')).map(PathBuf::from)
}

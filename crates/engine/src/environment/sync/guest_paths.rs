//! Makes a `.venv` that was built in one place fit for the place it is seen at.
//!
//! Installers write the place of building into scripts and settings; inside,
//! the `.venv` is at its guest path, and no host path is to be shown there.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
};

use policy::guest;

use crate::{language::python, text_file};

/// Scripts are small; a larger file in `bin` is a program.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;

/// What serves to work in a `.venv` by hand, where it was built.
const FOR_SHELLS: [&str; 3] = ["activate", "Activate", "deactivate"];

/// The lines of its settings that tell nothing of the place of building.
const SETTINGS_KEPT: [&str; 5] =
    ["home", "implementation", "include-system-site-packages", "version", "version_info"];

/// Turns paths of the place of building into guest paths, and lets everybody
/// read what is there: inside, programs have another identity.
///
/// # Errors
/// A file cannot be read or written.
pub(super) fn settle(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory.join("bin"))? {
        let entry = entry?;
        let name = entry.file_name();
        let is_for_shells =
            FOR_SHELLS.iter().any(|start| name.as_bytes().starts_with(start.as_bytes()));
        match (entry.file_type()?.is_file(), is_for_shells) {
            (true, true) => fs::remove_file(entry.path())?,
            (true, false) => settle_script(&entry.path(), directory)?,
            (false, _) => {}
        }
    }
    settle_settings(&directory.join("pyvenv.cfg"))?;
    // A lock of the installer's own.
    match fs::remove_file(directory.join(".lock")) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    open_to_all(directory)
}

fn settle_script(path: &Path, directory: &Path) -> io::Result<()> {
    if fs::metadata(path)?.len() > SCRIPT_BYTES_MAX {
        return Ok(());
    }
    // A file that is not text is a program: nothing in it to settle.
    let Ok(text) = text_file::read(path, SCRIPT_BYTES_MAX) else { return Ok(()) };
    let Some(built_at) = directory.to_str() else { return Ok(()) };
    if !text.contains(built_at) {
        return Ok(());
    }
    fs::write(path, text.replace(built_at, guest::ENVIRONMENT))
}

fn settle_settings(path: &Path) -> io::Result<()> {
    let text = text_file::read(path, python::SETTINGS_BYTES_MAX)?;
    let is_kept = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        SETTINGS_KEPT.contains(&key)
    };
    let kept: Vec<&str> = text.lines().filter(is_kept).collect();
    fs::write(path, kept.join("\n") + "\n")
}

fn open_to_all(directory: &Path) -> io::Result<()> {
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        set(&directory, 0o755)?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            if metadata.is_dir() {
                directories.push(path);
            } else if metadata.is_file() {
                let is_program = metadata.permissions().mode() & 0o111 != 0;
                set(&path, if is_program { 0o755 } else { 0o644 })?;
            }
        }
    }
    Ok(())
}

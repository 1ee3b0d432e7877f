//! The guest side of the Python kernel, as it is put into a zygote's sandbox.

use std::path::{Path, PathBuf};

use policy::GuestPath;
use sandbox::{Command, FileBody, FileEntry, Owner, Place, Template};

/// The directory of the guest side, below the place for code.
const PACKAGE: &str = "cellblock_kernel";

macro_rules! files {
    ($($name:literal,)+) => {
        /// Its files, by their names.
        const FILES: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../../kernels/python/cellblock_kernel/", $name)),
        ),)+];
    };
}

files! {
    "__init__.py",
    "__main__.py",
    "children.py",
    "complete.py",
    "display.py",
    "ending.py",
    "entry.py",
    "exceptions.py",
    "figures.py",
    "first.py",
    "formatter.py",
    "frames.py",
    "inbox.py",
    "inspect_object.py",
    "interrupts.py",
    "ipython.py",
    "kernel.py",
    "lookup.py",
    "magic_syntax.py",
    "magics.py",
    "namespace.py",
    "own_signals.py",
    "plain_shell.py",
    "pristine.py",
    "randomness.py",
    "rich_objects.py",
    "run_code.py",
    "script.py",
    "shell_commands.py",
    "stand_in.py",
    "stdio.py",
    "timing.py",
    "tools.py",
    "turn.py",
    "user_input.py",
    "warm.py",
    "zygote.py",
}

/// Starts the zygote. What is forked from it has no files of ours, so all that it may
/// need is loaded; then the search path is what an interactive interpreter has.
const START: &str = "import sys; sys.path[0] = '/code'; \
                     from cellblock_kernel import script, zygote; \
                     sys.path[0] = ''; zygote.main()";

/// What is parked: a Python that has loaded these modules.
pub(super) fn template(
    owner: Owner,
    (python, directory): (&Path, &GuestPath),
    preload: &[String],
) -> Template {
    let preload = serde_json::Value::from(preload).to_string();
    let command = Command {
        program: python.to_owned(),
        args: vec!["-c".to_owned(), START.to_owned(), preload],
        directory: directory.clone(),
    };
    let package = entry(PathBuf::from(PACKAGE), FileBody::Directory);
    let files = FILES.iter().map(|(name, text)| {
        entry(Path::new(PACKAGE).join(name), FileBody::Bytes(text.as_bytes().to_vec()))
    });
    Template { owner, command, files: [package].into_iter().chain(files).collect() }
}

fn entry(path: PathBuf, body: FileBody) -> FileEntry {
    let executable = matches!(body, FileBody::Directory);
    FileEntry { place: Place::Code(path), body, executable, replace: false }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn every_file_of_the_guest_side_is_put_in() {
        let directory =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../kernels/python/cellblock_kernel");
        let there: BTreeSet<String> = fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.ends_with(".py"))
            .collect();
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(there, listed);
    }
}

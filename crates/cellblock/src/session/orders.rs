//! Carries out commands at the prompt.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use api::TurnRequest;
use engine::FileKind;

use super::{
    desk::{Desk, Next},
    order::{self, Order},
};
use crate::{
    code::Origin,
    duration,
    failure::Failure,
    render::{self, Table},
    request::RequestError,
    size,
};

/// The largest file that is copied at once: it is held in memory.
const COPY_BYTES_MAX: u64 = 256 << 20;

impl Desk {
    pub(super) fn carry_out(&mut self, order: Order) -> Result<Next, Failure> {
        match order {
            Order::Help => render::text(&order::help())?,
            Order::Run { file } => self.run_file(file)?,
            Order::Shell { line } => self.shell(line)?,
            Order::Files { path } => self.files(path)?,
            Order::Get { guest, host } => self.get(&guest, host)?,
            Order::Put { host, guest } => self.put(&host, guest)?,
            Order::Restart => {
                self.wait(self.session.restart())?;
                render::note("the kernel was restarted: variables are gone, files are kept");
            }
            Order::Limits => render::text(&self.limits())?,
            Order::Quit => return Ok(Next::Leave),
        }
        Ok(Next::GoOn)
    }

    fn run_file(&mut self, file: String) -> Result<(), Failure> {
        let code = Origin::File(PathBuf::from(&file)).read(Some("python"))?.text;
        let request = TurnRequest {
            code,
            allow_input: true,
            file_name: Some(file),
            ..TurnRequest::default()
        };
        self.turn(&request).map(drop)
    }

    fn files(&self, path: Option<String>) -> Result<(), Failure> {
        let workspace = || self.session.policy().workspace().as_path().to_owned();
        let path = path.filter(|path| path != ".").map_or_else(workspace, PathBuf::from);
        let found = self.wait(self.session.list(&path))?;
        let mut table = Table::new(&["SIZE", "NAME"]);
        for file in &found {
            let path = file.path.display();
            let (size, path) = match file.kind {
                FileKind::File => (size::rounded(file.size_bytes), path.to_string()),
                FileKind::Directory => ("-".to_owned(), format!("{path}/")),
                FileKind::Symlink | FileKind::Other => ("-".to_owned(), path.to_string()),
            };
            table.row(&[&size, &path]);
        }
        render::text(&table.text(|_, cell| cell.to_owned()))
    }

    fn get(&self, guest: &str, host: Option<String>) -> Result<(), Failure> {
        // A name that was not typed must not cost anybody a file.
        let may_replace = host.is_some();
        let target = host.map_or_else(|| name_of(guest), |host| Ok(PathBuf::from(host)))?;
        let bytes = self.wait(self.session.read(Path::new(guest)))?;
        let mut options = File::options();
        options.write(true);
        if may_replace {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let written = options.open(&target).and_then(|mut file| file.write_all(&bytes));
        written.map_err(|source| RequestError::HostPath { path: target.clone(), source })?;
        let size = size::rounded(bytes.len() as u64);
        render::note(&format!("{} ({size})", target.display()));
        Ok(())
    }

    fn put(&self, host: &str, guest: Option<String>) -> Result<(), Failure> {
        let target = guest.map_or_else(|| name_of(host), |guest| Ok(PathBuf::from(guest)))?;
        let bytes = read(Path::new(host))?;
        let size = size::rounded(bytes.len() as u64);
        self.wait(self.session.write(&target, bytes))?;
        render::note(&format!("{} ({size})", target.display()));
        Ok(())
    }

    fn limits(&self) -> String {
        let policy = self.session.policy();
        let limits = policy.limits();
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let time = |time| duration::format(millis(time));
        let none = || "-".to_owned();
        let rows = [
            ("timeout", time(limits.wall_time), "of each turn"),
            ("cpu_time", limits.cpu_time.map_or_else(none, time), "of each turn"),
            ("memory", size::format(limits.memory_bytes), "of all processes and files"),
            ("cpus", limits.cpu_millis.map_or_else(none, cpus), "processors"),
            ("pids", limits.pids.to_string(), "processes and threads"),
            ("open_files", limits.open_files.to_string(), "of one process"),
            ("file_size", size::format(limits.file_size_bytes), "of the largest file"),
            ("workspace_size", size::format(limits.workspace_bytes), "of everything writable"),
            ("workspace_files", limits.workspace_inodes.to_string(), "of everything writable"),
        ];
        let mut table = Table::new(&["LIMIT", "VALUE", ""]);
        for (name, value, about) in &rows {
            table.row(&[name, value, about]);
        }
        table.text(|_, cell| cell.to_owned())
    }
}

fn cpus(millis: u64) -> String {
    match millis % 1000 {
        0 => (millis / 1000).to_string(),
        rest => format!("{}.{}", millis / 1000, format!("{rest:03}").trim_end_matches('0')),
    }
}

/// The last part of a path, for a copy that keeps its name.
fn name_of(path: &str) -> Result<PathBuf, RequestError> {
    let name = Path::new(path).file_name();
    name.map(PathBuf::from).ok_or_else(|| RequestError::NoFileName { path: path.into() })
}

/// A file of the host, if it is not too large to be held.
fn read(path: &Path) -> Result<Vec<u8>, RequestError> {
    let failed = |source| RequestError::HostPath { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(COPY_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > COPY_BYTES_MAX {
        let source = std::io::Error::other("it is larger than 256 MiB");
        return Err(failed(source));
    }
    Ok(bytes)
}

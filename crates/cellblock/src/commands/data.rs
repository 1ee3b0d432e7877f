//! `data`: what projects are run on.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use api::{DataFile, DataSnapshot, DataSource, Project};
use project::Projects;
use record::BucketLocation;
use rustix::fs::{Mode, OFlags};
use serde::Serialize;

use crate::{
    args::DataCommand,
    config::absolute,
    exit,
    failure::Failure,
    ledger::{Ledger, TENANT},
    render::{self, Table},
};

/// The most snapshots that one list shows.
const LIST_MAX: u32 = 500;

/// Carries out one of the verbs.
pub(super) fn run(ledger: &Ledger, command: &DataCommand, as_json: bool) -> Result<u8, Failure> {
    match command {
        DataCommand::Add { project, paths, .. } => add(ledger, project, paths, as_json)?,
        DataCommand::List { project, .. } => list(ledger, project, as_json)?,
        DataCommand::Snapshot { project, .. } => {
            let taken = ledger.with(async |projects| {
                let project = projects.show(TENANT, project).await?;
                Ok(projects.take_snapshot(TENANT, &project).await?)
            })?;
            tell(&taken, as_json)?;
        }
        DataCommand::Remove { project, name, .. } => remove(ledger, project, name)?,
    }
    Ok(exit::SUCCESS)
}

fn add(ledger: &Ledger, project: &str, paths: &[PathBuf], as_json: bool) -> Result<(), Failure> {
    let added = ledger.with(async |projects| {
        let project = projects.show(TENANT, project).await?;
        let mut added = Vec::new();
        for path in paths {
            added.push(match path.to_str().filter(|path| BucketLocation::is_one(path)) {
                Some(url) => add_bucket(projects, &project, url).await?,
                None => add_one(projects, &project, &absolute(path)).await?,
            });
        }
        Ok(added)
    })?;
    if as_json {
        return render::pretty_json(&added);
    }
    render::text(&sources_table(&added))
}

async fn add_one(
    projects: &Projects,
    project: &Project,
    path: &Path,
) -> Result<DataSource, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if path.is_dir() {
        return Ok(projects.add_directory(TENANT, project, &name, path).await?);
    }
    let read = read(path, projects.upload_bytes_max());
    let bytes = read.map_err(|source| Failure::Data { path: path.to_owned(), source })?;
    Ok(projects.upload(TENANT, project, &name, bytes).await?)
}

/// Takes a bucket, by its last name.
async fn add_bucket(
    projects: &Projects,
    project: &Project,
    url: &str,
) -> Result<DataSource, Failure> {
    let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Ok(projects.add_bucket(TENANT, project, name, url).await?)
}

/// What a file holds, or one byte more than may be. A pipe would have to be waited for, and
/// a device never ends.
fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sources_table(sources: &[DataSource]) -> String {
    let mut table = Table::new(&["DATA", "LOCATION", "SINCE"]);
    for source in sources {
        table.row(&[&source.name, &source.location, &source.created_at.to_string()]);
    }
    table.text(|_, cell| cell.to_owned())
}

fn files_table(files: &[DataFile]) -> String {
    let mut table = Table::new(&["FILE", "BYTES", "TYPE", "SHA-256", "TAKEN"]);
    for file in files {
        let bytes = file.size_bytes.to_string();
        let (digest, taken) = (&file.sha256, file.taken_at.to_string());
        table.row(&[&file.path, &bytes, &file.media_type, digest, &taken]);
    }
    table.text(|_, cell| cell.to_owned())
}

fn tell(snapshot: &DataSnapshot, as_json: bool) -> Result<(), Failure> {
    match as_json {
        true => render::pretty_json(snapshot),
        false => render::text(&format!("{}\n", snapshot.snapshot_id)),
    }
}

#[derive(Serialize)]
struct DataJson {
    sources: Vec<DataSource>,
    files: Vec<DataFile>,
    snapshots: Vec<DataSnapshot>,
}

fn list(ledger: &Ledger, project: &str, as_json: bool) -> Result<(), Failure> {
    let data = ledger.with(async |projects| {
        let project = projects.show(TENANT, project).await?;
        let sources = projects.sources(TENANT, &project).await?;
        let snapshots = projects.snapshots(TENANT, &project, LIST_MAX, None).await?.items;
        let files = projects.newest_files(TENANT, &project).await?;
        Ok(DataJson { sources, files, snapshots })
    })?;
    if as_json {
        return render::pretty_json(&data);
    }
    render::text(&sources_table(&data.sources))?;
    render::text(&files_table(&data.files))?;
    let mut table = Table::new(&["SNAPSHOT", "FILES", "BYTES", "TAKEN"]);
    for snapshot in &data.snapshots {
        let (files, bytes) = (snapshot.file_count.to_string(), snapshot.size_bytes.to_string());
        let taken = snapshot.created_at.to_string();
        table.row(&[&snapshot.snapshot_id, &files, &bytes, &taken]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))
}

fn remove(ledger: &Ledger, project: &str, name: &str) -> Result<(), Failure> {
    ledger.with(async |projects| {
        let project = projects.show(TENANT, project).await?;
        let was_there = projects.remove_source(TENANT, &project, name).await?
            || projects.delete_snapshot(TENANT, &project, name).await?;
        if !was_there {
            return Err(Failure::NoData { name: name.to_owned() });
        }
        render::note(&format!("{name} is removed"));
        Ok(())
    })
}

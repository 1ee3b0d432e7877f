//! The configuration keys of what is kept of runs.

use std::path::PathBuf;

use record::{BlobLocation, BucketLocation, Location};

use super::keys::{Key, key, set, truth};
use crate::{args::parse_count, duration, size, wire};

/// The keys of what is kept of runs.
pub(super) const RECORD_KEYS: &[Key] = &[
    Key {
        default: |_| Some("false".to_owned()),
        apply: |text, settings| {
            settings.records.one_shot = truth(text)?;
            Ok(())
        },
        ..key(
            "record",
            "CELLBLOCK_RECORD",
            "whether runs and sessions at the prompt leave records as others do: true or false",
        )
    },
    Key {
        apply: |text, settings| {
            // What it says may be a password, so the message does not repeat it.
            Location::parse(text).map_err(|error| error.to_string())?;
            settings.records.database = Some(text.to_owned());
            Ok(())
        },
        shown: |text| Location::parse(text).map_or_else(|_| "-".to_owned(), |at| at.to_string()),
        ..key(
            "database",
            "CELLBLOCK_DATABASE",
            "where records of runs are: a file, or postgres://…; in the state directory if not \
             given",
        )
    },
    Key {
        apply: |text, settings| {
            BlobLocation::parse(text).map_err(|error| error.to_string())?;
            settings.records.blobs = Some(text.to_owned());
            Ok(())
        },
        ..key(
            "blobs",
            "CELLBLOCK_BLOBS",
            "where what runs leave is kept: a directory, s3://…, gs://… or az://…; in the state \
             directory if not given",
        )
    },
    Key {
        apply: |text, settings| directories(text, &mut settings.records.repository_dirs),
        ..key(
            "repositories",
            "CELLBLOCK_REPOSITORIES",
            "directories in which repositories may be registered as projects, separated by commas",
        )
    },
    Key {
        apply: |text, settings| directories(text, &mut settings.records.data_dirs),
        ..key(
            "data",
            "CELLBLOCK_DATA",
            "directories that may be registered as data of projects, separated by commas",
        )
    },
    Key {
        apply: |text, settings| {
            settings.records.buckets = buckets(text)?;
            Ok(())
        },
        ..key(
            "buckets",
            "CELLBLOCK_BUCKETS",
            "buckets that callers of a server may register as data of projects, with what is \
             below them: s3://bucket/prefix, gs://… or az://…, separated by commas",
        )
    },
    Key {
        default: |_| Some("no".to_owned()),
        apply: |text, settings| {
            settings.records.remote_git = match text {
                "yes" => true,
                "no" => false,
                _ => return Err("expected yes or no".to_owned()),
            };
            Ok(())
        },
        ..key(
            "remote_git",
            "CELLBLOCK_REMOTE_GIT",
            "whether callers of a server may have git fetch projects over the network: yes or no",
        )
    },
    Key {
        apply: |text, settings| set(&mut settings.records.workers, parse_count(text)),
        ..key(
            "workers",
            "CELLBLOCK_WORKERS",
            "runs of projects at any one moment; one for each processor if not given",
        )
    },
    Key {
        default: |_| Some(duration::format(wire::LEASE_MS)),
        apply: |text, settings| {
            set(&mut settings.records.lease_ms, duration::parse(text))?;
            let fits =
                settings.records.lease_ms.is_none_or(|ms| wire::LEASE_RANGE_MS.contains(&ms));
            fits.then_some(()).ok_or_else(|| "expected 5s to 10m".to_owned())
        },
        ..key(
            "lease",
            "CELLBLOCK_LEASE",
            "how long runs are kept for a process that says nothing, before they are lost or \
             given to another: 5s to 10m",
        )
    },
    Key {
        default: |_| Some(duration::format(wire::RECORDS_AGE_MS)),
        apply: |text, settings| set(&mut settings.records.age_ms, duration::parse(text)),
        ..key("records_age", "CELLBLOCK_RECORDS_AGE", "how long records are kept")
    },
    Key {
        default: |_| Some(wire::RECORDS_MAX.to_string()),
        apply: |text, settings| set(&mut settings.records.count, parse_count(text)),
        ..key("records_max", "CELLBLOCK_RECORDS_MAX", "how many records each tenant has at most")
    },
    Key {
        default: |_| Some(size::format(wire::RECORDS_BYTES_MAX)),
        apply: |text, settings| set(&mut settings.records.bytes, size::parse(text)),
        ..key(
            "records_size",
            "CELLBLOCK_RECORDS_SIZE",
            "how much each tenant's records and what they refer to may take",
        )
    },
];

/// Absolute paths of directories.
fn directories(text: &str, directories: &mut Vec<PathBuf>) -> Result<(), String> {
    let named = text.split(',').map(str::trim).filter(|path| !path.is_empty());
    let paths: Vec<PathBuf> = named.map(PathBuf::from).collect();
    match paths.iter().all(|path| path.is_absolute()) {
        true => {
            *directories = paths;
            Ok(())
        }
        false => Err("expected absolute paths, separated by commas".to_owned()),
    }
}

/// Buckets with their prefixes.
fn buckets(text: &str) -> Result<Vec<BucketLocation>, String> {
    let named = text.split(',').map(str::trim).filter(|bucket| !bucket.is_empty());
    named.map(|bucket| BucketLocation::parse(bucket).map_err(|error| error.to_string())).collect()
}

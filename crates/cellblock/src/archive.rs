//! Opens what outlives this process: records of runs, and the bytes that they refer to.

use std::{
    env, fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, sync::Arc, time::Duration,
};

use api::PolicySpec;
use engine::Engine;
use project::{Buckets, Projects};
use record::{BlobLocation, BlobSettings, Blobs, Location, Retention, Store, Upkeep};
use server::{
    keys::TenantId,
    quota::{QuotaConfig, TenantQuota},
};

use crate::{
    config::{HostVars, RecordSettings, Settings},
    failure::Failure,
    wire::{LEASE_MS, RECORDS_AGE_MS, RECORDS_BYTES_MAX, RECORDS_MAX, quota},
};

/// The file of records in the state directory.
const RECORDS: &str = "records.sqlite";
/// The directory of bytes there, and the one where they wait on their way to a bucket.
const BLOBS: &str = "blobs";
const SPOOL: &str = "spool";
/// How often claims are renewed before they would lapse, at least: two may fail.
const RENEWALS_PER_LEASE: u32 = 3;
/// The directory of projects' files that can be made again.
const CACHE: &str = "cache";

/// Opens them where the settings say.
///
/// # Errors
/// There is no such place, or it cannot be used.
pub(crate) async fn open(settings: &Settings, vars: &HostVars) -> Result<Upkeep, Failure> {
    let state_dir = settings.state_dir.as_deref().ok_or(Failure::NoStateDir)?;
    let private = DirBuilder::new().recursive(true).mode(0o700).create(state_dir);
    let action = "make the state directory";
    private.map_err(|source| Failure::Process { action, source })?;
    let given = &settings.records;
    let bounds = record::Settings { lease: lease(given), ..waiting(&quota(&settings.server)) };
    let store = Store::open_with(&location(given, state_dir)?, bounds).await?;
    let blobs = Blobs::open(&blobs(given, state_dir, vars)?, &store)?;
    Ok(Upkeep::new(store, blobs, retention(given)))
}

/// How many runs may wait, as callers are told.
fn waiting(quota: &QuotaConfig) -> record::Settings {
    let most = |granted: TenantQuota| u32::try_from(granted.waiting_max).unwrap_or(u32::MAX);
    let local = TenantId::local();
    let named = quota.tenants.keys().chain([&local]);
    record::Settings {
        tenant_waiting_max: most(quota.tenant),
        tenants_waiting_max: named
            .map(|tenant| (tenant.as_str().to_owned(), most(quota.of(tenant))))
            .collect(),
        ..record::Settings::default()
    }
}

/// Projects that are kept there.
///
/// # Errors
/// There is no place for what is kept ready.
pub(crate) fn projects(
    engine: &Arc<Engine>,
    git: Arc<Engine>,
    upkeep: &Upkeep,
    (settings, vars): (&Settings, &HostVars),
) -> Result<Arc<Projects>, Failure> {
    let state_dir = settings.state_dir.as_deref().ok_or(Failure::NoStateDir)?;
    let given = &settings.records;
    let policy =
        PolicySpec { allow_missing: settings.allow_missing.clone(), ..PolicySpec::default() };
    let usual = project::Settings::new(state_dir.join(CACHE));
    let settings = project::Settings {
        policy,
        repository_dirs: given.repository_dirs.clone(),
        data_dirs: given.data_dirs.clone(),
        buckets: match given.every_bucket {
            true => Buckets::All,
            false => Buckets::Only(given.buckets.clone()),
        },
        bucket_options: vars.cloud(),
        alone: Some(TenantId::local().as_str().to_owned()),
        renew_every: usual.renew_every.min(lease(given) / RENEWALS_PER_LEASE),
        ..usual
    };
    let kept = (upkeep.store().clone(), upkeep.blobs().clone());
    let made = Projects::with_git(Arc::clone(engine), git, kept, settings);
    let action = "make a place for projects in the state directory";
    made.map_err(|source| Failure::Process { action, source })
}

/// The same settings for the person who started this process: repositories and data below
/// the directory where that was done may be registered as well.
pub(crate) fn with_here(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    // Programs that are started from no place in particular are started in the topmost.
    let here = env::current_dir().ok().filter(|here| here.parent().is_some());
    settings.records.repository_dirs.extend(here.clone());
    settings.records.data_dirs.extend(here);
    settings
}

fn lease(given: &RecordSettings) -> Duration {
    Duration::from_millis(given.lease_ms.unwrap_or(LEASE_MS))
}

fn location(given: &RecordSettings, state_dir: &Path) -> Result<Location, Failure> {
    let Some(text) = &given.database else {
        return Ok(Location::File(state_dir.join(RECORDS)));
    };
    Ok(Location::parse(text).map_err(record::StoreError::from)?)
}

fn blobs(
    given: &RecordSettings,
    state_dir: &Path,
    vars: &HostVars,
) -> Result<BlobSettings, Failure> {
    let location = match &given.blobs {
        None => BlobLocation::Directory(state_dir.join(BLOBS)),
        Some(text) => BlobLocation::parse(text)?,
    };
    Ok(match location {
        BlobLocation::Directory(path) => BlobSettings::directory(path),
        bucket @ BlobLocation::Bucket(_) => {
            BlobSettings { location: bucket, options: vars.cloud(), spool: state_dir.join(SPOOL) }
        }
    })
}

fn retention(given: &RecordSettings) -> Retention {
    Retention {
        age: Some(Duration::from_millis(given.age_ms.unwrap_or(RECORDS_AGE_MS))),
        count: Some(given.count.unwrap_or(RECORDS_MAX)),
        bytes: Some(given.bytes.unwrap_or(RECORDS_BYTES_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_runs_may_wait_as_callers_are_told() {
        let small = TenantQuota { waiting_max: 3, ..TenantQuota::default() };
        let named: TenantId = "small".parse().unwrap();
        let quota = QuotaConfig { tenants: [(named, small)].into(), ..QuotaConfig::default() };
        let settings = waiting(&quota);
        assert_eq!(u64::from(settings.tenant_waiting_max), quota.tenant.waiting_max);
        let local = u32::try_from(quota.waiting_max).unwrap();
        let named = [("small".to_owned(), 3), ("local".to_owned(), local)];
        assert_eq!(settings.tenants_waiting_max, named.into());
    }
}

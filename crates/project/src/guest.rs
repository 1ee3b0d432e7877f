//! What a run sees inside, and what it is told.

use std::{collections::BTreeMap, path::Path, time::Duration};

use api::{
    DownloadSpec, Exhibit, NetworkSpec, PolicySpec, Program, Rescue, RunId, RunRequest, RunScope,
    Source, StartSpec, Workspace,
};
use engine::Engine;
use record::{ARTIFACT_BYTES_MAX, ARTIFACTS_MAX};

use crate::{Settings, desk::Desk, limits::millis, order::Order, parcel};

/// What runs the models, in the language that they are written in.
const DRIVER: &str = include_str!("driver/driver.py");
/// Where inside the driver puts the one file that is taken.
const PARCEL_PLACE: &str = ".cellblock/parcel.tar";

/// Guest paths, and the env vars that tell them.
const REPO: &str = "/repo";
const DATA: &str = "/data";
const INPUTS: &str = "/inputs";
const OUTPUTS: &str = "/outputs";
const UPSTREAM: &str = "/upstream";

/// What a run is about, and where its parts are.
pub(crate) struct Setting<'a> {
    pub(crate) run_id: RunId,
    pub(crate) order: &'a Order,
    pub(crate) desk: &'a Desk,
    pub(crate) tree: &'a Path,
    /// The snapshot's files, if there is one.
    pub(crate) data: Option<&'a Path>,
}

/// The request of a run.
pub(crate) fn request(setting: &Setting<'_>, engine: &Engine, settings: &Settings) -> RunRequest {
    let Setting { order, desk, tree, data, .. } = setting;
    let empty = desk.empty();
    let mut exhibits = vec![shown(tree, REPO), shown(data.unwrap_or(&empty), DATA)];
    if order.parameters.is_some() {
        exhibits.push(shown(&desk.inputs(), INPUTS));
    }
    let args = match (order.scope, &order.model) {
        (RunScope::Model, Some(model)) => vec!["model".to_owned(), model.clone()],
        _ => vec!["project".to_owned()],
    };
    RunRequest {
        environment: order.environment.clone(),
        program: Program::Source(Source {
            language: "python".to_owned(),
            file_name: "cellblock_driver.py".to_owned(),
            text: DRIVER.to_owned(),
        }),
        args,
        workspace: Workspace::Private,
        uploads: Vec::new(),
        downloads: vec![DownloadSpec { source: PARCEL_PLACE.into(), target: desk.parcel() }],
        rescues: rescues(desk),
        list_changes: false,
        scratch: vec![OUTPUTS.into(), UPSTREAM.into()],
        exhibits,
        policy: policy(setting, engine, settings),
    }
}

/// A run that is stopped has no driver left to pack what it wrote, and one that filled all
/// the room that it has leaves the driver none to pack it in.
fn rescues(desk: &Desk) -> Vec<Rescue> {
    let rescue = |name: &str, files_max, file_bytes_max| Rescue {
        source: name.into(),
        target: desk.rescued().join(name),
        files_max,
        file_bytes_max,
        bytes_max: parcel::RESCUED_BYTES_MAX,
    };
    vec![
        rescue(parcel::OUTPUTS, ARTIFACTS_MAX, ARTIFACT_BYTES_MAX),
        rescue(parcel::UPSTREAM, parcel::STEPS_MAX, parcel::RESULT_BYTES_MAX),
        rescue(parcel::DRIVERS_OWN, parcel::STEPS_MAX, parcel::RESULT_BYTES_MAX),
    ]
}

fn shown(source: &Path, target: &str) -> Exhibit {
    Exhibit { source: source.to_owned(), target: target.into(), is_owners: false }
}

fn policy(setting: &Setting<'_>, engine: &Engine, settings: &Settings) -> PolicySpec {
    let mut policy = settings.policy.clone();
    let most = settings.wall_time.min(engine.config().ceiling.maximum.wall_time);
    let wanted = setting.order.wall_time_ms.map_or(most, Duration::from_millis);
    policy.limits.wall_time_ms = Some(millis(wanted.min(most)).max(1));
    policy.network = Some(NetworkSpec::None);
    policy.start = Some(StartSpec::Exec);
    policy.env_vars.extend(env_vars(setting.run_id));
    policy
}

fn env_vars(run_id: RunId) -> BTreeMap<String, String> {
    let run_id = run_id.to_string();
    [
        ("SANDBOX_REPO_PATH", REPO),
        ("SANDBOX_DATA_PATH", DATA),
        ("SANDBOX_OUTPUT_PATH", OUTPUTS),
        ("SANDBOX_UPSTREAM_PATH", UPSTREAM),
        ("BT_RUN_ID", &run_id),
        ("CELLBLOCK_RUN_ID", &run_id),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

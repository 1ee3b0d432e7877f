//! What must hold however a run went wrong.

use serde_json::Value;

use crate::{
    scene::{Scene, id_lock, inmates, leaves},
    traced::{At, Ending, Fault, Injection, soon},
};

/// Statuses of a run that did not come to its program's own end.
const OURS: [i32; 5] = [2, 124, 125, 126, 127];
/// Statuses of a panic.
const PANICS: [i32; 2] = [101, 128 + 6];
/// Lines of the fingerprint that tell of the system's files, not of confinement.
const OPTIONAL: [&str; 7] =
    ["/etc/", "/usr ", "sees /etc/", "sees /bin", "sees /lib", "sees /sbin", "sees /usr"];
/// Calls that take something away.
const REMOVALS: [&str; 3] = ["flock", "rmdir", "unlink"];
/// The status of a process that was killed.
const KILLED: i32 = 128 + 9;

/// What is wrong with an ending, in words; empty where nothing is.
pub(crate) fn judge(
    injection: &Injection,
    scene: &Scene,
    ending: &Ending,
    untouched: &str,
) -> Vec<String> {
    let left = left_behind(injection, scene, ending);
    let said = format!("{}{}", ending.stdout, ending.stderr);
    // Libraries know no way to go on without an event loop or random numbers.
    let panics = said.contains("panicked at crates/");
    let mut wrong = Vec::new();
    let fingerprint = scene.fingerprint();
    if let Some(found) = &fingerprint
        && let Some(difference) = difference(untouched, found)
    {
        wrong.push(format!("the program ran under other conditions: {difference}"));
    }
    match ending.status {
        None => wrong.push("it hangs".to_owned()),
        Some(0) => wrong.extend(judge_success(ending, fingerprint.as_deref())),
        Some(KILLED) if injection.fault == Fault::Kill => {}
        Some(status) if PANICS.contains(&status) && !panics => return left,
        Some(status) if OURS.contains(&status) => wrong.extend(judge_error(ending)),
        Some(status) => wrong.push(format!("it ends with the odd status {status}")),
    }
    if panics {
        wrong.push("it panics".to_owned());
    }
    wrong.extend(left);
    wrong
}

fn judge_success(ending: &Ending, fingerprint: Option<&str>) -> Option<String> {
    let json: Option<Value> = serde_json::from_str(&ending.stdout).ok();
    let missing = json.as_ref().and_then(|json| json["enforcement"]["missing"].as_array());
    if !fingerprint.is_some_and(|found| found.ends_with("MARKER\n")) {
        return Some("it succeeds, but the program has not run to its end".to_owned());
    }
    match missing {
        Some(missing) if missing.is_empty() => None,
        Some(missing) => Some(format!("it succeeds without {missing:?}")),
        None => Some("it succeeds and does not say what was enforced".to_owned()),
    }
}

/// One plain error, as JSON or, where that cannot be written, as a line.
fn judge_error(ending: &Ending) -> Option<String> {
    let json: Option<Value> = serde_json::from_str(&ending.stdout).ok();
    let message = json.as_ref().and_then(|json| json["error"]["message"].as_str());
    let line = ending.stderr.lines().next().filter(|line| line.starts_with("cellblock: "));
    match message.or(line) {
        Some(message) if message.len() > 10 => None,
        _ => Some("it fails without an error".to_owned()),
    }
}

fn left_behind(injection: &Injection, scene: &Scene, ending: &Ending) -> Vec<String> {
    let mut wrong = Vec::new();
    if !soon(|| inmates(ending.host).is_empty()) {
        wrong.push(format!("processes are left: {:?}", inmates(ending.host)));
    }
    if scene.temporary() > 0 {
        wrong.push("temporary files are left".to_owned());
    }
    // What the host side cannot take away any more, the next start takes.
    let is_removal = REMOVALS.contains(&injection.call.as_str());
    if injection.at == At::Host && (ending.status == Some(KILLED) || is_removal) {
        return wrong;
    }
    // A first process that is traced is dead some time before it is gone.
    if injection.at == At::Host && !leaves(ending.host).is_empty() {
        wrong.push(format!("control groups are left: {:?}", leaves(ending.host)));
    }
    if scene.is_new(&id_lock(ending.host)) {
        wrong.push("the lock of its user id is left".to_owned());
    }
    wrong
}

/// A line that one text has and the other lacks. The program may have been killed
/// while it wrote; and a part of the system that the host side could not look at
/// is not seen inside, which confines no less.
fn difference(expected: &str, found: &str) -> Option<String> {
    let is_optional = |line: &str| OPTIONAL.iter().any(|prefix| line.starts_with(prefix));
    let (whole, _) = found.rsplit_once('\n').unwrap_or_default();
    let new = whole.lines().find(|line| !expected.lines().any(|held| held == *line));
    if let Some(line) = new {
        return Some(format!("{line:?} is new"));
    }
    let is_complete = whole.ends_with("MARKER");
    let gone =
        expected.lines().find(|line| !is_optional(line) && !whole.lines().any(|l| l == *line));
    gone.filter(|_| is_complete).map(|line| format!("{line:?} is gone"))
}

//! What a run hands out: one archive, written inside by the driver, or by whatever the
//! models made of it. It is taken apart by the hardened reader, and bounded. Of a run that
//! was stopped, the files that it had written by then.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use api::DownloadedFile;
use engine::{ArchiveBounds, ArchiveError, ArchiveFormat, extract_archive};
use record::{
    ARTIFACT_BYTES_MAX as FILE_BYTES_MAX, ARTIFACTS_BYTES_MAX as BYTES_MAX,
    ARTIFACTS_MAX as FILES_MAX,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Files of ours beside the outputs: a result for each model, and directories.
const ENTRIES_MAX: usize = 1000;
/// The most models, and the largest report.
pub(crate) const STEPS_MAX: usize = 101;
const REPORT_BYTES_MAX: u64 = 256 * 1024;
/// The largest result that is read.
pub(crate) const RESULT_BYTES_MAX: u64 = 8 << 20;
/// The most of a directory of a run that was stopped: as much as the driver packs.
pub(crate) const RESCUED_BYTES_MAX: u64 = 64 << 20;
/// Directories of the workspace that such a run's files are in.
pub(crate) const OUTPUTS: &str = "outputs";
pub(crate) const UPSTREAM: &str = "upstream";
/// The longest name that is told of something left out.
const NAME_CHARACTERS_MAX: usize = 200;
const LEFT_OUT_MAX: usize = 50;

/// What a run handed out.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    /// What the models computed: of one model that itself, of several by their names.
    pub(crate) result: Option<Map<String, Value>>,
    /// Outputs by name, with the host's files.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// What of it could not be taken, for people.
    pub(crate) complaints: Vec<String>,
}

/// What the driver says. All of it is hearsay.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    pipeline: Option<Vec<String>>,
    left_out: Vec<String>,
    left_out_count: u64,
}

/// Takes a parcel apart in an empty directory of ours.
pub(crate) fn open(archive: &Path, place: &Path) -> Parcel {
    match take(archive, place) {
        Ok(parcel) => parcel,
        Err(error) => {
            let complaint = format!("what the run left cannot be taken: {error}");
            Parcel { complaints: vec![complaint], ..Parcel::default() }
        }
    }
}

fn take(archive: &Path, place: &Path) -> Result<Parcel, ArchiveError> {
    let bounds = ArchiveBounds {
        entries: ENTRIES_MAX,
        bytes: BYTES_MAX,
        file_bytes: FILE_BYTES_MAX,
        links: false,
    };
    let extracted = extract_archive(File::open(archive)?, ArchiveFormat::Tar, &bounds, place)?;
    let mut parcel = Parcel::default();
    let mut results = Vec::new();
    for (path, _) in &extracted.files {
        let host = place.join(path);
        if let Ok(name) = path.strip_prefix("outputs") {
            match name.to_str() {
                Some(name) if parcel.files.len() < FILES_MAX => {
                    parcel.files.push((name.to_owned(), host));
                }
                _ => {}
            }
        } else if let Some(model) = model_of(path)
            && results.len() < STEPS_MAX
        {
            match object(&host) {
                Some(result) => results.push((model, result)),
                None => parcel.complaints.push(format!("the result of {model} is no JSON object")),
            }
        }
    }
    let report = report(&place.join("report.json"));
    parcel.result = combine(results, report.pipeline.is_some());
    parcel.complaints.extend(complaint(&report));
    Ok(parcel)
}

/// What a run that was stopped had written, as it was brought out.
pub(crate) fn rescued(files: &[DownloadedFile], place: &Path) -> Parcel {
    let mut parcel = Parcel::default();
    let (mut results, mut report) = (Vec::new(), Report::default());
    for file in files {
        let path = Path::new(&file.path);
        if let Ok(name) = path.strip_prefix(OUTPUTS) {
            match (&file.error, name.to_str().filter(|name| is_plain(name))) {
                (None, Some(name)) => parcel.files.push((name.to_owned(), place.join(path))),
                // The whole directory: there is none, or too much in it.
                (Some(error), Some("")) => parcel.complaints.push(error.message.clone()),
                (_, name) => {
                    report.left_out_count += 1;
                    report.left_out.extend(name.map(str::to_owned));
                }
            }
        } else if let Some(model) = model_above(path)
            && let Some(result) = object(&place.join(path))
        {
            results.push((model, result));
        }
    }
    parcel.result = combine(results, true);
    parcel.complaints.extend(complaint(&report));
    parcel
}

/// Whether a name is one that outputs have, or none.
fn is_plain(name: &str) -> bool {
    name.len() < 1024 && !name.contains(['\\', '\u{fffd}']) && !name.contains(char::is_control)
}

/// The model whose result a file below `upstream` is.
fn model_above(path: &Path) -> Option<String> {
    let model = path.strip_prefix(UPSTREAM).ok()?.to_str()?.strip_suffix("/outputs.json")?;
    crate::names::model(model).is_ok().then(|| model.to_owned())
}

/// The model whose result a file is.
fn model_of(path: &Path) -> Option<String> {
    let name = path.strip_prefix("results").ok()?.to_str()?.strip_suffix(".json")?;
    crate::names::model(name).is_ok().then(|| name.to_owned())
}

fn combine(
    mut results: Vec<(String, Map<String, Value>)>,
    is_many: bool,
) -> Option<Map<String, Value>> {
    match (is_many, results.len()) {
        (_, 0) => None,
        (false, 1) => results.pop().map(|(_, result)| result),
        _ => Some(results.into_iter().map(|(name, result)| (name, result.into())).collect()),
    }
}

fn report(path: &Path) -> Report {
    let bytes = bounded(path, REPORT_BYTES_MAX).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn complaint(report: &Report) -> Option<String> {
    if report.left_out_count == 0 {
        return None;
    }
    let plain = |name: &String| {
        let seen = name.chars().filter(|character| !character.is_control());
        seen.take(NAME_CHARACTERS_MAX).collect::<String>()
    };
    let names: Vec<String> = report.left_out.iter().take(LEFT_OUT_MAX).map(plain).collect();
    Some(format!(
        "{} outputs were left out, among them {}: at most {FILES_MAX} regular files of {} MiB each \
         are kept",
        report.left_out_count,
        names.join(", "),
        FILE_BYTES_MAX >> 20
    ))
}

fn object(path: &Path) -> Option<Map<String, Value>> {
    let bytes = bounded(path, RESULT_BYTES_MAX).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

/// A file's bytes, which are no more than what is taken.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use api::{ErrorBody, ErrorCode};
    use tar::{Builder, Header};

    use super::*;

    fn opened(name: &str, files: &[(&str, &str)]) -> Parcel {
        let top =
            std::env::temp_dir().join(format!("cellblock-parcel-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        fs::create_dir_all(top.join("taken")).unwrap();
        let mut builder = Builder::new(File::create(top.join("a.tar")).unwrap());
        for (name, text) in files {
            let mut header = Header::new_ustar();
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.finish().unwrap();
        let mut parcel = open(&top.join("a.tar"), &top.join("taken"));
        parcel.files.sort();
        fs::remove_dir_all(&top).unwrap();
        parcel
    }

    #[test]
    fn one_result_is_itself_and_several_have_their_names() {
        let one = opened("one", &[("results/a.json", "{\"x\": 1}"), ("report.json", "{}")]);
        assert_eq!(Value::from(one.result.unwrap()), serde_json::json!({"x": 1}));
        let report = ("report.json", "{\"pipeline\": [\"a\"]}");
        let many = opened("many", &[("results/a.json", "{\"x\": 1}"), report]);
        assert_eq!(Value::from(many.result.unwrap()), serde_json::json!({"a": {"x": 1}}));
    }

    #[test]
    fn what_makes_no_sense_is_complained_of() {
        let parcel = opened(
            "odd",
            &[
                ("results/a.json", "[1]"),
                ("results/a b.json", "{}"),
                ("outputs/b/c.csv", "1,2"),
                ("report.json", "{\"left_out_count\": 3, \"left_out\": [\"a\\u001b[31m\"]}"),
            ],
        );
        assert_eq!(parcel.result, None);
        assert_eq!(parcel.files[0].0, "b/c.csv");
        assert!(parcel.complaints[0].contains("no JSON object"), "{:?}", parcel.complaints);
        assert!(parcel.complaints[1].starts_with("3 outputs were left out, among them a[31m"));
        for report in ["", "[]", "{\"pipeline\": 7}", "nonsense"] {
            assert!(opened("report", &[("report.json", report)]).complaints.is_empty());
        }
        let none = open(Path::new("/no/such"), Path::new("/no/such"));
        assert_eq!(none.complaints.len(), 1);
    }

    #[test]
    fn of_what_was_rescued_names_are_looked_at_again() {
        let top = std::env::temp_dir().join(format!("cellblock-rescue-{}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        fs::create_dir_all(top.join("upstream/a")).unwrap();
        fs::write(top.join("upstream/a/outputs.json"), "{\"x\": 1}").unwrap();
        let file = |path: &str, error: Option<&str>| DownloadedFile {
            path: path.to_owned(),
            size_bytes: None,
            sha256: None,
            error: error.map(|message| ErrorBody {
                code: ErrorCode::TooLarge,
                message: message.to_owned(),
                hint: None,
                retryable: false,
            }),
        };
        let files = [
            file(".cellblock/parcel.tar", Some("there is none")),
            file("outputs/b/c.csv", None),
            file("outputs/odd\u{fffd}", None),
            file("outputs/back\\slash", None),
            file("outputs/huge", Some("too large")),
            file("upstream/a/outputs.json", None),
            file("upstream/a b/outputs.json", None),
            file("upstream/a/other.json", None),
        ];
        let parcel = rescued(&files, &top);
        fs::remove_dir_all(&top).unwrap();
        assert_eq!(parcel.files, [("b/c.csv".to_owned(), top.join("outputs/b/c.csv"))]);
        assert_eq!(Value::from(parcel.result.unwrap()), serde_json::json!({"a": {"x": 1}}));
        assert!(parcel.complaints[0].starts_with("3 outputs were left out, among them huge"));
        let lost = rescued(&[file("outputs", Some("it is gone"))], &top);
        assert_eq!(lost.complaints, ["it is gone"]);
    }
}

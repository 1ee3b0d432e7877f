//! What a run hands out: one archive, written inside by the driver, or by whatever the
//! models made of it. It is taken apart by the hardened reader, and bounded. Of a run that
//! was stopped, the files that it had written by then.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use api::{DownloadedFile, ErrorBody, ErrorCode};
use engine::{ArchiveBounds, ArchiveError, ArchiveFormat, extract_archive};
use record::{
    ARTIFACT_BYTES_MAX as FILE_BYTES_MAX, ARTIFACTS_BYTES_MAX as BYTES_MAX,
    ARTIFACTS_MAX as FILES_MAX,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Files of ours beside the outputs: a result for each model, and directories.
const ENTRIES_MAX: usize = 1000;
/// The most models.
pub(crate) const STEPS_MAX: usize = 101;
/// The largest report: the names of all files are in it.
const REPORT_BYTES_MAX: u64 = 2 << 20;
/// The largest result that is read.
pub(crate) const RESULT_BYTES_MAX: u64 = 8 << 20;
/// The most of a directory of a run that was stopped: as much as the driver packs.
pub(crate) const RESCUED_BYTES_MAX: u64 = 64 << 20;
/// Directories of the workspace that such a run's files are in.
pub(crate) const OUTPUTS: &str = "outputs";
pub(crate) const UPSTREAM: &str = "upstream";
/// Where the driver puts results that no other model reads.
pub(crate) const DRIVERS_OWN: &str = ".cellblock";
/// The longest name that is told of something left out.
const NAME_CHARACTERS_MAX: usize = 200;
const LEFT_OUT_MAX: usize = 50;
/// The most different reasons why something was left out, and the most notes of the driver.
const REASONS_MAX: usize = 8;
const NOTES_MAX: usize = 10;
/// The longest note.
const NOTE_CHARACTERS_MAX: usize = 300;

/// What a run handed out.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    /// What the models computed: of one model that itself, of several by their names.
    pub(crate) result: Option<Map<String, Value>>,
    /// Outputs by name, with the host's files.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// What of it could not be taken.
    pub(crate) complaints: Vec<Complaint>,
}

/// What of a run could not be taken, for people, and of which kind that is.
#[derive(Debug)]
pub(crate) struct Complaint {
    code: ErrorCode,
    text: String,
}

impl Complaint {
    fn unfit(text: String) -> Self {
        Self { code: ErrorCode::InvalidRequest, text }
    }
}

/// All complaints as a record has them.
pub(crate) fn complained(complaints: &[Complaint]) -> Option<ErrorBody> {
    let first = complaints.first()?;
    let unfit = complaints.iter().find(|complaint| complaint.code != ErrorCode::TooLarge);
    let texts: Vec<&str> = complaints.iter().map(|complaint| complaint.text.as_str()).collect();
    Some(ErrorBody {
        code: unfit.unwrap_or(first).code,
        message: texts.join("; "),
        hint: None,
        retryable: false,
    })
}

/// What the driver says. All of it is hearsay.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    pipeline: Option<Vec<String>>,
    notes: Vec<Note>,
    /// The names of the outputs, which are numbered.
    files: Vec<String>,
    left_out: Vec<String>,
    /// How many outputs were left out, by why.
    reasons: BTreeMap<String, u64>,
}

/// Why a result is not kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Note {
    code: String,
    message: String,
}

/// Takes a parcel apart in an empty directory of ours.
pub(crate) fn open(archive: &Path, place: &Path) -> Parcel {
    match take(archive, place) {
        Ok(parcel) => parcel,
        Err(error) => {
            let complaint = Complaint::unfit(format!("what the run left cannot be taken: {error}"));
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
    let report = report(&place.join("report.json"));
    let mut parcel = Parcel::default();
    let mut results = Vec::new();
    for (path, _) in &extracted.files {
        let host = place.join(path);
        if let Ok(number) = path.strip_prefix("outputs") {
            if let Some(name) = name_of(&report, number)
                && parcel.files.len() < FILES_MAX
            {
                parcel.files.push((name.to_owned(), host));
            }
        } else if let Some(model) = model_of(path)
            && results.len() < STEPS_MAX
        {
            match object(&host) {
                Some(result) => results.push((model, result)),
                None => {
                    let text = format!("the result of {model} is no JSON object that can be read");
                    parcel.complaints.push(Complaint::unfit(text));
                }
            }
        }
    }
    parcel.result = combine(results, report.pipeline.is_some());
    parcel.complaints.extend(notes(&report));
    parcel.complaints.extend(left_out(&report.left_out, told(&report.reasons)));
    Ok(parcel)
}

/// The name of a numbered output, if it is one that outputs have.
fn name_of<'a>(report: &'a Report, number: &Path) -> Option<&'a str> {
    let number: usize = number.to_str()?.parse().ok()?;
    let name = report.files.get(number)?;
    let is_below = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (is_below && is_plain(name)).then_some(name)
}

/// What a run that was stopped had written, as it was brought out. The result of a single
/// model is in a file of that `name`.
pub(crate) fn rescued(files: &[DownloadedFile], place: &Path, name: &str) -> Parcel {
    let mut parcel = Parcel::default();
    let (mut results, mut single) = (Vec::new(), None);
    let (mut names, mut reasons) = (Vec::new(), BTreeMap::new());
    let own = Path::new(DRIVERS_OWN).join(format!("{name}.json"));
    for file in files {
        let path = Path::new(&file.path);
        if let Ok(name) = path.strip_prefix(OUTPUTS) {
            let plain = name.to_str().filter(|name| is_plain(name));
            match (&file.error, plain) {
                (None, Some(name)) => parcel.files.push((name.to_owned(), place.join(path))),
                // The whole directory: there is none, or too much in it.
                (Some(error), Some("")) => {
                    let (code, text) = (error.code, error.message.clone());
                    parcel.complaints.push(Complaint { code, text });
                }
                (error, plain) => {
                    names.extend(plain.map(str::to_owned));
                    let reason = error.as_ref().map_or(NAME_REASON, |error| error.message.as_str());
                    *reasons.entry(reason).or_insert(0_u64) += 1;
                }
            }
        } else if file.error.is_none() && path == own {
            single = object(&place.join(path));
        } else if let Some(model) = model_above(path)
            && let Some(result) = object(&place.join(path))
        {
            results.push((model, result));
        }
    }
    parcel.result = combine(results, true).or(single);
    let reasons = reasons.into_iter().map(|(text, count)| (count, text.to_owned()));
    parcel.complaints.extend(left_out(&names, reasons.collect()));
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

fn notes(report: &Report) -> impl Iterator<Item = Complaint> {
    report.notes.iter().take(NOTES_MAX).map(|note| Complaint {
        code: match note.code.as_str() {
            "too_large" => ErrorCode::TooLarge,
            _ => ErrorCode::InvalidRequest,
        },
        text: plain(&note.message, NOTE_CHARACTERS_MAX),
    })
}

const NAME_REASON: &str = "their names cannot be kept";

/// The driver's reasons in words, with how many were left out for each.
fn told(reasons: &BTreeMap<String, u64>) -> Vec<(u64, String)> {
    let text = |reason: &str| {
        Some(match reason {
            "count" => format!("beyond the {FILES_MAX} files that are kept"),
            "file_bytes" => format!("of more than {} MiB", FILE_BYTES_MAX >> 20),
            "bytes" => format!("beyond {} MiB of all together", RESCUED_BYTES_MAX >> 20),
            "kind" => "no regular files".to_owned(),
            "name" => NAME_REASON.to_owned(),
            "unreadable" => "not to be read".to_owned(),
            "depth" => "too deep in directories".to_owned(),
            "entries" => "and more after it, beyond those that are looked at".to_owned(),
            _ => return None,
        })
    };
    let told = reasons.iter().filter_map(|(reason, count)| Some((*count, text(reason)?)));
    told.filter(|(count, _)| *count > 0).collect()
}

/// What is said of outputs that are not kept.
fn left_out(names: &[String], reasons: Vec<(u64, String)>) -> Option<Complaint> {
    let count = reasons.iter().fold(0_u64, |sum, (count, _)| sum.saturating_add(*count));
    if count == 0 {
        return None;
    }
    let names = names.iter().take(LEFT_OUT_MAX).map(|name| plain(name, NAME_CHARACTERS_MAX));
    let names = names.collect::<Vec<_>>().join(", ");
    let reasons = reasons.iter().take(REASONS_MAX);
    let reasons = reasons.map(|(count, reason)| format!("{count} {reason}"));
    let reasons = reasons.collect::<Vec<_>>().join("; ");
    let text = format!("{count} outputs were left out, among them {names}: {reasons}");
    Some(Complaint { code: ErrorCode::TooLarge, text })
}

/// Text of a sandbox, bounded and without control characters.
fn plain(text: &str, most: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(most).collect()
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

    const REPORT: &str = concat!(
        "{\"files\": [\"b/c.csv\", \"../x\"], \"left_out\": [\"a\\u001b[31m\"], ",
        "\"reasons\": {\"file_bytes\": 2, \"count\": 1, \"nonsense\": 7}, ",
        "\"notes\": [{\"code\": \"too_large\", \"message\": \"it is long\"}]}",
    );

    #[test]
    fn what_makes_no_sense_is_complained_of() {
        let parcel = opened(
            "odd",
            &[
                ("results/a.json", "[1]"),
                ("results/a b.json", "{}"),
                ("outputs/0", "1,2"),
                ("outputs/1", "leads out"),
                ("outputs/2", "has no name"),
                ("outputs/x", "is no number"),
                ("report.json", REPORT),
            ],
        );
        assert_eq!(parcel.result, None);
        let names: Vec<_> = parcel.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b/c.csv"]);
        let texts: Vec<_> = parcel.complaints.iter().map(|one| one.text.as_str()).collect();
        assert!(texts[0].contains("no JSON object"), "{texts:?}");
        assert_eq!(texts[1], "it is long");
        let left_out = "3 outputs were left out, among them a[31m: 1 beyond the 200 files that \
                        are kept; 2 of more than 10 MiB";
        assert_eq!(texts[2], left_out);
        let codes: Vec<_> = parcel.complaints.iter().map(|one| one.code).collect();
        let (unfit, large) = (ErrorCode::InvalidRequest, ErrorCode::TooLarge);
        assert_eq!(codes, [unfit, large, large]);
        assert_eq!(complained(&parcel.complaints).unwrap().code, unfit);
        assert!(complained(&[]).is_none());
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
        fs::create_dir_all(top.join(".cellblock")).unwrap();
        fs::write(top.join(".cellblock/m.json"), "{\"y\": 2}").unwrap();
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
        let parcel = rescued(&files, &top, "run");
        let own = [file(".cellblock/m.json", None), file(".cellblock/other.json", None)];
        let single = rescued(&own, &top, "m");
        assert_eq!(Value::from(single.result.unwrap()), serde_json::json!({"y": 2}));
        assert!(rescued(&own, &top, "run").result.is_none());
        fs::remove_dir_all(&top).unwrap();
        assert_eq!(parcel.files, [("b/c.csv".to_owned(), top.join("outputs/b/c.csv"))]);
        assert_eq!(Value::from(parcel.result.unwrap()), serde_json::json!({"a": {"x": 1}}));
        let complaint = &parcel.complaints[0].text;
        assert!(complaint.starts_with("3 outputs were left out, among them huge: "), "{complaint}");
        assert!(complaint.contains("too large") && complaint.contains("names"), "{complaint}");
        let lost = rescued(&[file("outputs", Some("it is gone"))], &top, "run");
        assert_eq!(lost.complaints[0].text, "it is gone");
    }
}

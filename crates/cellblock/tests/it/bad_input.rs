//! Each thing that people get wrong: one plain message, the right status, nothing run.

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::fixture::{cellblock, python, run};

const PY: &str = "open('/workspace/../ran','w')";

#[test]
fn an_unknown_flag() {
    run(&["--bogus", "a.py"]).refused(2, &["'--bogus'"]);
}

#[test]
fn an_unknown_verb() {
    cellblock(&["rum", "a.py"]).refused(2, &["'rum'", "'run'"]);
}

#[test]
fn nothing_to_run() {
    run(&[]).refused(2, &["nothing to run", "-c"]);
}

#[test]
fn an_unknown_language() {
    run(&["-c", "x", "-l", "cobol"]).refused(2, &["\"cobol\"", "cellblock languages"]);
}

#[test]
fn a_language_that_cannot_be_told() {
    run(&["notes"]).file("notes", "hello").refused(2, &["language of notes", "--language"]);
}

#[test]
fn an_unknown_environment() {
    python(PY, &["-E", "nosuch"]).refused(2, &["\"nosuch\"", "bare"]);
}

#[test]
fn an_environment_that_leads_elsewhere() {
    python(PY, &["-E", "../x"]).refused(2, &["\"../x\""]);
}

#[test]
fn a_missing_file() {
    run(&["nosuch.py"]).refused(2, &["nosuch.py", "No such file", "check the path"]);
}

#[test]
fn an_unreadable_file() {
    // Root reads what has no read permission; a file that is no regular one it cannot.
    let call = run(&["a.py"]).file("a.py", "print(1)");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    std::fs::set_permissions(call.path("a.py"), mode).unwrap();
    if std::fs::read(call.path("a.py")).is_err() {
        call.refused(2, &["a.py", "Permission denied", "permissions"]);
    } else {
        run(&["a.py/b.py"]).file("a.py", "").refused(2, &["a.py/b.py", "Not a directory"]);
    }
}

#[test]
fn a_directory() {
    run(&["src"]).dir("src").refused(2, &["src is a directory"]);
}

#[test]
fn empty_code() {
    run(&["a.py"]).file("a.py", " \n").refused(2, &["a.py is empty"]);
    python("", &[]).refused(2, &["-c` is empty"]);
    run(&["-", "-l", "python"]).refused(2, &["standard input is empty"]);
}

#[test]
fn huge_code() {
    let text = vec![b'#'; (16 << 20) + 1];
    run(&["a.py"]).file("a.py", text).refused(2, &["a.py is larger than 16 MiB"]);
}

#[test]
fn code_that_is_no_text() {
    run(&["a.py"]).file("a.py", b"x = '\xff'").refused(2, &["a.py is not UTF-8", "byte 5"]);
}

#[test]
fn impossible_limits() {
    python(PY, &["-t", "0"]).refused(2, &["'0'", "--timeout"]);
    python(PY, &["-t", "-5"]).refused(2, &["-5"]);
    python(PY, &["-t", "soon"]).refused(2, &["soon", "30s"]);
    python(PY, &["-m", "much"]).refused(2, &["much", "512M"]);
    python(PY, &["-m", "1K"]).refused(2, &["--memory 1K is impossible", "at least 4M"]);
    python(PY, &["-m", "999999T"]).refused(2, &["memory"]);
    python(PY, &["--cpus", "0"]).refused(2, &["--cpus"]);
    python(PY, &["--pids", "0"]).refused(2, &["--pids"]);
    python(PY, &["--cpus", "0.005"]).refused(2, &["--cpus 0.005 is impossible", "at least 0.01"]);
    python(PY, &["--open-files", "1"]).refused(2, &["--open-files 1 is impossible"]);
}

#[test]
fn unknown_choices() {
    python(PY, &["--network", "some"]).refused(2, &["some", "none", "full"]);
    python(PY, &["--profile", "lax"]).refused(2, &["lax", "strict"]);
    python(PY, &["--allow-missing", "cgroups"]).refused(2, &["\"cgroups\"", "cgroup,"]);
}

#[test]
fn mount_sources_that_do_not_exist() {
    python(PY, &["-v", "nosuch:/x"]).refused(2, &["\"nosuch\"", "No such file"]);
    python(PY, &["-w", "nosuch"]).refused(2, &["\"nosuch\"", "No such file"]);
    python(PY, &["--upload", "nosuch"]).refused(2, &["\"nosuch\"", "No such file"]);
}

#[test]
fn host_paths_that_may_not_be_mounted() {
    for path in ["/", "/proc", "/sys", "/dev", "/proc/self/root", "/run"] {
        python(PY, &["-v", &format!("{path}:/x")]).refused(2, &["may not be shared"]);
    }
    python(PY, &["-w", "/proc"]).refused(2, &["\"/proc\" may not be shared"]);
}

#[test]
fn symlinks_to_host_paths_that_may_not_be_mounted() {
    let call = python(PY, &["-v", "link:/x"]);
    std::os::unix::fs::symlink("/proc", call.path("link")).unwrap();
    call.refused(2, &["\"/proc\" may not be shared"]);
}

#[test]
fn guest_places_that_are_taken() {
    for place in ["/etc", "/usr/lib", "/proc/x", "/dev", "/"] {
        python(PY, &["-v", &format!(".:{place}")]).refused(2, &["inside"]);
    }
    python(PY, &["-v", ".:/a/../etc"]).refused(2, &["`..`"]);
}

#[test]
fn malformed_pairs() {
    for volume in ["a", "a:/b:foo", "a:/b:RO", "a:/b:ro:ro"] {
        python(PY, &["-v", volume]).dir("a").refused(2, &["SRC:DST"]);
    }
    python(PY, &["-e", "=x"]).refused(2, &["KEY=VALUE"]);
    python(PY, &["--upload", ":x"]).refused(2, &["SRC:DST"]);
}

#[test]
fn a_volume_in_the_workspaces_place() {
    let call = python(PY, &["-v", "data:/workspace/"]).dir("data");
    let call = call.refused(2, &["cannot be shared at the workspace's own place", "-w DIRECTORY"]);
    assert!(call.path("data").read_dir().unwrap().next().is_none());
}

#[test]
fn a_pipe_as_data() {
    let made = cellblock(&["project", "add", "p", "code", "--state-dir", "state"]);
    let made = made.file("code/run.py", "result = {}\n");
    let author = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
    for command in [&["init", "-qb", "main"][..], &["add", "."], &["commit", "-qmx"]] {
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(made.path("code")).args(author).args(command);
        assert!(git.status().unwrap().success(), "{command:?}");
    }
    assert_eq!(made.came().status, 0);
    let pipe = made.path("pipe.csv");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let [pipe, state] = [pipe, made.path("state")].map(|path| path.to_str().unwrap().to_owned());
    cellblock(&["data", "add", "p", &pipe, "--state-dir", &state])
        .refused(2, &["pipe.csv", "it is no regular file"]);
}

#[test]
fn a_file_as_working_directory() {
    python(PY, &["-w", "f"]).file("f", "").refused(2, &["\"f\" is not a directory"]);
}

#[test]
fn a_download_into_nowhere() {
    python(PY, &["--download", "x:no/such/dir/x"]).refused(2, &["has no directory"]);
}

#[test]
fn an_upload_that_leads_out() {
    python(PY, &["--upload", "f:../x"]).file("f", "").refused(2, &["../x"]);
}

#[test]
fn a_program_that_does_not_exist_inside() {
    cellblock(&["exec", "nosuch"]).refused(127, &["\"nosuch\" cannot be run"]);
}

#[test]
fn a_file_that_is_no_program() {
    let call = cellblock(&["exec", "-w", ".", "./data"]).file("data", "x");
    call.refused(126, &["\"./data\" cannot be run", "Permission denied"]);
}

#[test]
fn a_configuration_that_makes_no_sense() {
    let text = "tiemout = '1s'\n";
    python(PY, &["--config-file", "c.toml"])
        .file("c.toml", text)
        .refused(2, &["unknown key \"tiemout\"", "the keys are", "timeout"]);
    python(PY, &["--config-file", "no.toml"]).refused(2, &["\"no.toml\"", "No such file"]);
    python(PY, &[]).var("CELLBLOCK_MEMORY", "lots").refused(2, &["env var CELLBLOCK_MEMORY"]);
}

#[test]
fn mistakes_are_json_where_that_is_asked_for() {
    let table = [
        (run(&["--json", "nosuch.py"]), "file_not_found", 2),
        (run(&["--json", "--bogus"]), "invalid_request", 2),
        (python("x", &["--json", "-E", "nosuch"]), "environment_not_found", 2),
        (python("x", &["--json", "-v", "/proc:/x"]), "policy_refused", 2),
        (run(&["--json", "-c", "x", "-l", "cobol"]), "language_unknown", 2),
        (cellblock(&["exec", "--json", "nosuch"]), "file_not_found", 127),
    ];
    for (call, code, status) in table {
        let came = call.came();
        assert_eq!(came.status, status, "{came:?}");
        let error = &came.json()["error"];
        assert_eq!(error["code"], code, "{came:?}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(error["retryable"], false);
    }
}

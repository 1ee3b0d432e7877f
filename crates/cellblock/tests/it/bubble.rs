//! The verbs of bubble-sandbox 0.13, by both names of the program.

use crate::fixture::{Call, cellblock};

fn bubble(args: &[&str]) -> Call {
    cellblock(args).called("bubble-sandbox")
}

#[test]
fn the_quick_start_has_its_three_keys() {
    let came = bubble(&["execute-python", "--json", "-s", "print(6 * 7)"]).came();
    assert_eq!(came.json(), serde_json::json!({"stdout": "42\n", "stderr": "", "return_code": 0}));
    assert_eq!((came.status, came.stderr.as_str()), (0, ""));
}

#[test]
fn scripts_come_as_text_file_or_standard_input() {
    for verb in ["execute-python", "exec-script"] {
        cellblock(&[verb, "-s", "print(1)"]).prints("1\n");
        cellblock(&[verb, "-f", "x.py"]).file("x.py", "print(2)").prints("2\n");
        cellblock(&[verb]).stdin("print(3)").prints("3\n");
    }
}

#[test]
fn both_streams_and_the_status_line_are_on_standard_output() {
    let code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)";
    bubble(&["execute-python", "-a", "-s", code]).gives("Exited with code: 3\nout\nerr\n", "", 3);
}

#[test]
fn signals_and_timeouts_have_their_lines() {
    bubble(&["exec-command", "kill -SEGV $$"]).gives("Terminated by signal 11\n", "", 139);
    bubble(&["exec-command", "echo partial; sleep 60"])
        .var("BUBBLE_SANDBOX_EXECUTION_TIMEOUT_SECONDS", "1")
        .gives("Timed out after 1 seconds\npartial\n", "", 124);
}

#[test]
fn work_is_where_it_is_expected() {
    let code = "import os, sys; print(os.getcwd(), __file__); open('made', 'w').write('x')";
    bubble(&["execute-python", "-s", code]).prints("/sandbox/work /sandbox/work/script.py\n");
    let call = bubble(&["execute", "-w", "dir", "--", "sh", "-c", "pwd; cat f; echo new > g"]);
    let call = call.file("dir/f", "old\n").prints("/sandbox/work\nold\n");
    assert_eq!(call.read("dir/g"), "new\n");
}

#[test]
fn volumes_are_read_only_unless_told_otherwise() {
    let code = "cat /sandbox/volumes/a/f; cd /sandbox/volumes; \
                (echo x > a/g) 2>/dev/null || echo refused; echo y > b/g";
    let call = bubble(&["exec-command", "-v", "a,one", "-v", "b,two,rw", code]);
    let call = call.file("one/f", "text\n").dir("two").prints("text\nrefused\n");
    assert_eq!(call.read("two/g"), "y\n");
}

#[test]
fn volumes_that_make_no_sense_are_wrong_usage() {
    for volume in ["bad", "../../etc,.", "a/b,.", "..,.", ",.", "a,nosuch", "a,/proc"] {
        bubble(&["execute", "-v", volume, "true"]).refused(2, &["cellblock: "]);
    }
}

#[test]
fn environments_that_cannot_be_used_are_told_in_the_known_words() {
    let call = bubble(&["execute", "-e", "x", "true"]);
    let path = call.path("environments/x").display().to_string();
    call.refused(1, &[&format!("Environment not found: PosixPath('{path}')")]);
    bubble(&["execute", "-e", "../x", "true"]).refused(1, &["Invalid environment name: '../x'"]);
    bubble(&["execute", "-e", "x", "true"])
        .file("environments/x/pyproject.toml", "[project]\nname = 'x'\n")
        .refused(1, &["No venv found for environment 'x': (expected "]);
}

#[test]
fn long_output_loses_its_middle() {
    let call = bubble(&["execute-python", "-s", "print('<' + 'ä' * 28 + '>', end='')"]);
    call.var("BUBBLE_SANDBOX_MAX_OUTPUT_CHARS", "10")
        .prints("<ääää\n[... 20 characters omitted ...]\nääää>\n<truncated>\n");
}

#[test]
fn settings_come_from_a_file_first() {
    let call = bubble(&["exec-command", "-c", "c.yaml", "sleep 60"]);
    call.file("c.yaml", "execution_timeout_seconds: 0.5\n")
        .var("BUBBLE_SANDBOX_EXECUTION_TIMEOUT_SECONDS", "20")
        .gives("Timed out after 0.5 seconds\n", "", 124);
    bubble(&["exec-command", "-c", "c.yaml", "true"])
        .file("c.yaml", "timeout: 1\n")
        .refused(1, &["timeout: Extra inputs are not permitted"]);
}

#[test]
fn environments_are_listed_by_their_project_names() {
    let project =
        "[project]\nname = 'shown'\ndescription = 'd'\ndependencies = ['pandas>=3.0.1']\n";
    let call = bubble(&["list-environments", "-a"]).file("environments/x/pyproject.toml", project);
    std::fs::create_dir_all(call.path("environments/x/.venv/bin")).unwrap();
    let came = call.came();
    let json = came.json();
    let found = json["environments"].as_array().unwrap().iter().find(|e| e["name"] == "shown");
    let expected = serde_json::json!({
        "name": "shown", "description": "d", "dependencies": ["pandas>=3.0.1"],
    });
    assert_eq!(found, Some(&expected), "{came:?}");
}

#[test]
fn our_flag_for_environments_is_heard() {
    cellblock(&["list-environments", "--json", "--environments", "e"])
        .file("e/x/pyproject.toml", "[project]\nname = 'shown'\n")
        .file("e/x/.venv/pyvenv.cfg", "")
        .came()
        .json()["environments"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["name"] == "shown")
        .unwrap();
}

#[test]
fn check_answers_by_text_json_and_status() {
    bubble(&["check"]).prints("Sandbox available\n");
    bubble(&["check", "-a"]).prints("{\"available\":true,\"reason\":null}\n");
}

#[test]
fn nothing_of_the_caller_leaks_in() {
    let code = "import os, sys; print(os.environ.get('SECRET'), repr(sys.stdin.read()))";
    bubble(&["execute-python", "-s", code]).var("SECRET", "x").stdin("private").prints("None ''\n");
    bubble(&["exec-command", "grep CapEff /proc/self/status"])
        .prints("CapEff:\t0000000000000000\n");
}

#[test]
fn its_version_is_said_in_its_form() {
    let version = env!("CARGO_PKG_VERSION");
    let line = format!("Installed bubble_sandbox version: 0.13 (cellblock {version})\n");
    bubble(&["-v"]).prints(&line);
    bubble(&["--version"]).prints(&line);
}

#[test]
fn wrong_usage_is_2_and_a_missing_program_1() {
    bubble(&["execute"]).refused(2, &["COMMAND"]);
    bubble(&["nosuch"]).refused(2, &["nosuch"]);
    let came = bubble(&[]).came();
    assert_eq!((came.status, came.stdout.as_str()), (2, ""));
    assert!(came.stderr.contains("execute-python"), "{}", came.stderr);
    bubble(&["execute", "--", "nosuch"]).refused(1, &["\"nosuch\" cannot be run"]);
}

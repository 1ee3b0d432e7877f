//! `doctor`, `languages`, `config`, `completion`, `version` and help.

use crate::fixture::cellblock;

#[test]
fn doctor_tries_forbidden_acts_from_inside() {
    let came = cellblock(&["doctor", "--json"]).came();
    let json = came.json();
    assert_eq!(came.status, i32::from(json["full"] != true), "{came:?}");
    let launches = json["launches"].as_array().unwrap();
    assert_eq!(launches.last().unwrap()["error"], serde_json::Value::Null, "{launches:?}");
    let attempts = json["findings"]["attempts"].as_array().unwrap();
    assert!(attempts.len() > 20, "{attempts:?}");
    let done: Vec<_> = attempts.iter().filter(|attempt| attempt["refused"] != true).collect();
    assert!(done.is_empty(), "{done:?}");
    assert_eq!(json["findings"]["facts"]["CapEff"], "0000000000000000");
    assert_eq!(json["findings"]["facts"]["NoNewPrivs"], "1");
    let controls = json["controls"].as_array().unwrap();
    assert_eq!(controls.len(), 23);
    for control in controls.iter().filter(|control| control["level"] == "full") {
        assert_eq!(control["remedy"], serde_json::Value::Null, "{control}");
    }
}

#[test]
fn doctor_in_words_names_every_control_and_has_no_colours_in_a_pipe() {
    let came = cellblock(&["doctor"]).came();
    assert!(came.stdout.contains("syscall-filter") && came.stdout.contains("tried from inside"));
    assert!(!came.stdout.contains('\x1b'));
    let painted = cellblock(&["doctor"]).var("CELLBLOCK_COLOR", "always").came();
    assert!(painted.stdout.contains("\x1b[32mfully\x1b[0m"));
}

#[test]
fn languages_are_listed_with_tool_or_remedy() {
    let came = cellblock(&["languages"]).came();
    assert_eq!((came.status, came.stderr.as_str()), (0, ""));
    assert_eq!(came.stdout.lines().count(), 17);
    let json = cellblock(&["languages", "--json"]).came().json();
    for row in json.as_array().unwrap() {
        assert_eq!(row["available"] == true, row["hint"].is_null(), "{row}");
        assert_eq!(row["available"] == true, !row["tools"].as_array().unwrap().is_empty(), "{row}");
    }
}

#[test]
fn config_shows_where_each_value_came_from() {
    let call = cellblock(&["config", "show", "--pids", "9"])
        .file("c.toml", "memory = '2G'\npython = 'py'\n")
        .var("CELLBLOCK_CONFIG", "c.toml")
        .var("CELLBLOCK_TIMEOUT", "5m");
    let came = call.came();
    let row = |key: &str| {
        let line = came.stdout.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("memory"), "2G file c.toml");
    assert_eq!(row("timeout"), "5m env var CELLBLOCK_TIMEOUT");
    assert_eq!(row("pids"), "9 flag --pids");
    assert_eq!(row("open_files"), "1024 default");
    assert_eq!(row("cpus"), "- -");
}

#[test]
fn completion_knows_verbs_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let came = cellblock(&["completion", shell]).came();
        assert_eq!((came.status, came.stderr.as_str()), (0, ""));
        assert!(came.stdout.contains("workspace-size"), "{shell}");
    }
    cellblock(&["completion", "csh"]).refused(2, &["'csh'"]);
}

#[test]
fn versions_and_help_are_on_standard_output() {
    let version = env!("CARGO_PKG_VERSION");
    cellblock(&["version"]).prints(&format!("cellblock {version}\n"));
    cellblock(&["version", "--json"]).prints(&format!("{{\"version\":\"{version}\"}}\n"));
    cellblock(&["--version"]).prints(&format!("cellblock {version}\n"));
    let help = cellblock(&["--help"]).came();
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("doctor") && help.stdout.contains("124 timed out"));
    let unasked = cellblock(&[]).came();
    assert_eq!((unasked.status, unasked.stdout.as_str()), (2, ""));
    assert_eq!(unasked.stderr, help.stdout);
}

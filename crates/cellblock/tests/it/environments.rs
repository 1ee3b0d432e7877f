//! Environments from their making to their end, without packages: nothing is fetched.

use crate::fixture::{cellblock, run};

#[test]
fn an_environment_is_made_used_shown_and_removed() {
    let made =
        cellblock(&["env", "create", "lab", "--environments", "e", "--description", "a test"]);
    let came = made.came();
    assert_eq!(came.status, 0, "{came:?}");
    assert!(came.stdout.contains("lab") && came.stdout.contains("ready"), "{came:?}");
    let here = made.path("e").display().to_string();

    let code = "import sys; print(sys.prefix)";
    run(&["--environments", &here, "-E", "lab", "-c", code, "-l", "python"])
        .prints("/sandbox/venv\n");

    let shown = cellblock(&["env", "show", "lab", "--json", "--environments", &here]).came().json();
    assert_eq!((&shown["name"], &shown["state"]), (&"lab".into(), &"ready".into()));
    assert_eq!(shown["digest"].as_str().map(str::len), Some(64), "{shown}");

    let listed = cellblock(&["env", "list", "--json", "--environments", &here]).came().json();
    let names: Vec<_> =
        listed.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bare", "lab"]);

    cellblock(&["env", "create", "lab", "--environments", &here]).refused(2, &["\"lab\" already"]);
    cellblock(&["env", "remove", "lab", "--environments", &here]).prints("");
    cellblock(&["env", "show", "lab", "--environments", &here]).refused(2, &["\"lab\""]);
}

#[test]
fn an_environment_that_cannot_be_filled_is_not_made() {
    let call = cellblock(&["env", "create", "x", "--with", "y", "--environments", "e"])
        .var("UV_OFFLINE", "1")
        .var("UV_INDEX_URL", "http://127.0.0.1:9/")
        .var("PIP_INDEX_URL", "http://127.0.0.1:9/");
    let came = call.came();
    assert_eq!((came.status, came.stdout.as_str()), (125, ""), "{came:?}");
    assert!(!call.path("e/x").exists());
}

#[test]
fn names_and_packages_that_make_no_sense_are_refused() {
    cellblock(&["env", "create", "../x", "--environments", "e"]).refused(2, &["\"../x\""]);
    cellblock(&["env", "create", "x", "--with", "not a package!", "--environments", "e"])
        .refused(2, &["not a package!"]);
    cellblock(&["env", "sync", "nosuch", "--environments", "e"]).refused(2, &["\"nosuch\""]);
    cellblock(&["env", "remove", "nosuch", "--environments", "e"]).refused(2, &["\"nosuch\""]);
}

//! Keys of a server from their making to their end.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use crate::fixture::cellblock;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_is_made_listed_and_revoked() {
    let made =
        cellblock(&["key", "create", "--tenant", "acme", "--name", "ci", "--state-dir", "s"]);
    let came = made.came();
    assert_eq!(came.status, 0, "{came:?}");
    let key = came.stdout.strip_suffix('\n').unwrap();
    let parts: Vec<_> = key.splitn(3, '_').collect();
    assert_eq!((parts[0], parts[1].len(), parts[2].len()), ("cbk", 12, 43), "{key}");
    assert!(came.stderr.contains("tenant acme with the scope run"), "{came:?}");
    assert!(!came.stderr.contains(parts[2]));
    assert_eq!(mode(&made.path("s")), 0o700);
    assert_eq!(mode(&made.path("s/keys.json")), 0o600);
    assert!(!made.read("s/keys.json").contains(parts[2]));

    let here = made.path("s").display().to_string();
    let listed = cellblock(&["key", "list"]).var("CELLBLOCK_STATE_DIR", &here).came();
    assert_eq!((listed.status, listed.stderr.as_str()), (0, ""), "{listed:?}");
    let row = listed.stdout.lines().nth(1).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    let [id, "acme", "run", _, "never", "ci"] = cells[..] else { panic!("{row}") };
    assert_eq!(id, parts[1]);
    assert!(!listed.stdout.contains(parts[2]));

    let revoked = cellblock(&["key", "revoke", parts[1], "--state-dir", &here]).came();
    assert_eq!((revoked.status, revoked.stdout.as_str()), (0, ""), "{revoked:?}");
    cellblock(&["key", "list", "--json", "--state-dir", &here]).prints("[]\n");
    cellblock(&["key", "revoke", parts[1], "--state-dir", &here])
        .refused(2, &["no key has the id", parts[1]]);
}

#[test]
fn programs_get_json() {
    let call = cellblock(&[
        "key",
        "create",
        "--scope",
        "admin",
        "--scope",
        "read",
        "--expires",
        "30d",
        "--json",
        "--state-dir",
        "s",
    ]);
    let came = call.came();
    assert_eq!((came.status, came.stderr.as_str()), (0, ""), "{came:?}");
    let made = came.json();
    assert_eq!((&made["tenant"], &made["scope"]), (&"default".into(), &"admin".into()), "{made}");
    let id = made["id"].as_str().unwrap();
    assert!(made["key"].as_str().unwrap().starts_with(&format!("cbk_{id}_")), "{made}");
    assert!(made["expires_at"].as_str().unwrap() > made["created_at"].as_str().unwrap());
    let here = call.path("s").display().to_string();
    let mut expected = made;
    expected.as_object_mut().unwrap().remove("key");
    let listed = cellblock(&["key", "list", "--json", "--state-dir", &here]).came().json();
    assert_eq!(listed, serde_json::json!([expected]));
}

#[test]
fn expired_keys_are_told_apart() {
    let call = cellblock(&["key", "create", "--expires", "1ms", "--state-dir", "s"]);
    assert_eq!(call.came().status, 0);
    std::thread::sleep(std::time::Duration::from_millis(5));
    let here = call.path("s").display().to_string();
    let listed = cellblock(&["key", "list", "--json", "--state-dir", &here]).came().json();
    assert_eq!(listed[0]["expired"], true, "{listed}");
}

#[test]
fn a_key_that_nobody_could_read_is_not_kept() {
    let call = cellblock(&["key", "create", "--state-dir", "s"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = call.command().stdin(Stdio::null()).stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(125));
    let here = call.path("s").display().to_string();
    cellblock(&["key", "list", "--json", "--state-dir", &here]).prints("[]\n");
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let call = cellblock(&["key", "create", "--state-dir", "s"]).dir("s");
    fs::set_permissions(call.path("s"), fs::Permissions::from_mode(0o777)).unwrap();
    let call = call.refused(2, &["others may write to it, mode 0777", "chmod go-w"]);
    assert!(!call.path("s/keys.json").exists());
    fs::set_permissions(call.path("s"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(call.came().status, 0);
}

#[test]
fn mistakes_are_told_and_change_nothing() {
    let table: [(&[&str], &str); 7] = [
        (&["create", "--tenant", "A b"], "not a tenant"),
        (&["create", "--tenant", ""], "not a tenant"),
        (&["create", "--scope", "root"], "root"),
        (&["create", "--expires", "soon"], "not a duration"),
        (&["create", "--expires", "9999999d"], "expire that late"),
        (&["create", "--name", "a\u{1b}[2J"], "not a name"),
        (&["revoke", "cbk_0"], "not the id"),
    ];
    for (args, words) in table {
        let call =
            cellblock(&[&["key"], args, &["--state-dir", "s"]].concat()).refused(2, &[words]);
        assert!(!call.path("s/keys.json").exists(), "{args:?}");
    }
    let secret = "A".repeat(43);
    let whole = format!("cbk_0123456789ab_{secret}");
    let came = cellblock(&["key", "revoke", &whole, "--state-dir", "s"]).came();
    assert!(came.status == 2 && !came.stderr.contains(&secret), "{came:?}");
}

#[test]
fn a_damaged_file_is_neither_used_nor_replaced() {
    let call =
        cellblock(&["key", "create", "--state-dir", "s"]).file("s/keys.json", "{\"format\": 9}");
    fs::set_permissions(call.path("s"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(call.path("s/keys.json"), fs::Permissions::from_mode(0o600)).unwrap();
    let call = call.refused(125, &["have format 9, not 1"]);
    assert_eq!(call.read("s/keys.json"), "{\"format\": 9}");
}

#[test]
fn many_at_once_lose_nothing() {
    let call = cellblock(&["key", "create", "--state-dir", "s"]);
    let spawn = |_| {
        let mut command: Command = call.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for mut child in (0..8).map(spawn).collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    let here = call.path("s").display().to_string();
    let listed = cellblock(&["key", "list", "--json", "--state-dir", &here]).came().json();
    assert_eq!(listed.as_array().unwrap().len(), 8);
}

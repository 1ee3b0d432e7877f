//! Host directories seen inside; files copied in and out.

use std::os::unix::fs::FileTypeExt;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::fixture::{python, run, shell};

#[test]
fn a_working_directory_is_shared() {
    let code = "import sys; open('out.txt', 'w').write(open('in.txt').read().upper())";
    let call = run(&["-w", "data", "data/job.py"])
        .file("data/in.txt", "abc")
        .file("data/job.py", code)
        .prints("");
    assert_eq!(call.read("data/out.txt"), "ABC");
}

#[test]
fn a_working_directory_may_be_read_only() {
    let call = shell("cat in.txt; echo x > out.txt || echo refused", &["-w", "data:ro"]);
    let came = call.file("data/in.txt", "abc\n").came();
    assert_eq!((came.stdout.as_str(), came.status), ("abc\nrefused\n", 0), "{}", came.stderr);
    assert!(came.stderr.contains("Read-only file system"), "{}", came.stderr);
}

#[test]
fn modules_beside_the_file_are_found_in_a_shared_directory() {
    run(&["-w", "app", "app/main.py"])
        .file("app/main.py", "import part; print(part.VALUE)")
        .file("app/part.py", "VALUE = 7")
        .prints("7\n");
}

#[test]
fn volumes_are_seen_at_their_place() {
    let call = shell(
        "cat /mnt/a/f; echo new > /mnt/b/g; (echo x > /mnt/a/g) 2>/dev/null || echo refused",
        &["-v", "one:/mnt/a:ro", "-v", "two:/mnt/b"],
    );
    let call = call.file("one/f", "text\n").dir("two").prints("text\nrefused\n");
    assert_eq!(call.read("two/g"), "new\n");
}

#[test]
fn a_single_file_may_be_a_volume() {
    shell("cat /mnt/f", &["-v", "f:/mnt/f:ro"]).file("f", "text\n").prints("text\n");
}

#[test]
fn nothing_beside_a_volume_is_seen() {
    shell("ls /mnt /mnt/a", &["-v", "one:/mnt/a:ro"])
        .file("one/f", "")
        .file("secret", "")
        .prints("/mnt:\na\n\n/mnt/a:\nf\n");
}

#[test]
fn files_are_copied_in_and_out() {
    let call =
        shell("tr a-z A-Z < in.txt > out.txt", &["--upload", "in.txt", "--download", "out.txt"]);
    let call = call.file("in.txt", "abc").prints("");
    assert_eq!(call.read("out.txt"), "ABC");
}

#[test]
fn directories_are_copied_in_and_out_whole() {
    let call = shell(
        "find tree -type f | sort; mkdir -p made/deep; cp tree/sub/b made/deep/b; echo 1 > made/a",
        &["--upload", "src:tree", "--download", "made:back"],
    );
    let call = call.file("src/a", "A").file("src/sub/b", "B").prints("tree/a\ntree/sub/b\n");
    assert_eq!(call.read("back/deep/b"), "B");
    assert_eq!(call.read("back/a"), "1\n");
}

#[test]
fn downloads_replace_what_was_there() {
    let call =
        shell("echo new > f", &["--download", "f"]).file("f", "old, and longer\n").prints("");
    assert_eq!(call.read("f"), "new\n");
}

#[test]
fn a_download_that_is_not_there_is_an_error() {
    let came = shell("true", &["--download", "nosuch"]).came();
    assert_eq!(came.status, 125);
    assert!(came.stderr.starts_with("cellblock: nosuch was not brought back"), "{}", came.stderr);
}

#[test]
fn downloads_come_also_from_a_program_that_failed() {
    let call = shell("echo half > f; exit 3", &["--download", "f"]).gives("", "", 3);
    assert_eq!(call.read("f"), "half\n");
}

#[test]
fn a_link_to_the_host_is_not_followed_on_the_way_out() {
    let call = shell("ln -s /etc/passwd f", &["--download", "f:got"]);
    let came = call.came();
    assert_eq!(came.status, 125, "{}", came.stderr);
    assert!(!call.path("got").exists());
}

#[test]
fn a_download_takes_no_devices_place() {
    let call = shell("echo x > f", &["--download", "f:pipe"]);
    let pipe = call.path("pipe");
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
    let call = call.refused(2, &["\"", "pipe", "is a device, a pipe or a socket"]);
    assert!(call.path("pipe").metadata().unwrap().file_type().is_fifo());
    // In a directory, where it is found out as late as the file.
    let call = shell("mkdir d; echo x > d/f; echo y > d/g", &["--download", "d:into"]).dir("into");
    mknodat(CWD, call.path("into/f"), FileType::Fifo, mode, 0).unwrap();
    let came = call.came();
    assert_eq!(came.status, 125, "{}", came.stderr);
    assert!(call.path("into/f").metadata().unwrap().file_type().is_fifo());
    assert_eq!(call.read("into/g"), "y\n");
}

#[test]
fn what_lies_too_deep_is_told_and_spoils_nothing() {
    let code = "\
import os
os.makedirs('top/beside')
open('top/beside/f', 'w').write('kept')
os.chdir('top')
for _ in range(1500):
    os.mkdir('d' * 20)
    os.chdir('d' * 20)
open('last', 'w').write('x')
";
    let call = python(code, &["--download", "top"]);
    let came = call.came();
    assert_eq!(came.status, 125, "{}", came.stderr);
    assert!(came.stderr.contains("it lies too deep"), "{}", came.stderr);
    assert_eq!(came.stderr.matches("was not brought back").count(), 1, "{}", came.stderr);
    assert_eq!(call.read("top/beside/f"), "kept");
}

#[test]
fn a_file_that_is_too_large_is_not_copied_to_find_out() {
    let flags = ["--download", "f", "--file-size", "1T"];
    let call = shell("truncate -s 900G f", &flags);
    let came = call.came();
    assert_eq!(came.status, 125, "{}", came.stderr);
    assert!(came.stderr.contains("larger together"), "{}", came.stderr);
    assert!(!call.path("f").exists());
}

#[test]
fn private_workspaces_do_not_outlive_their_run() {
    shell("echo x > f; ls", &[]).prints("f\nmain.sh\n");
    shell("ls", &[]).prints("main.sh\n");
}

#[test]
fn names_with_odd_characters_pass() {
    let call = python("print(open('a b\\'\\u00e9').read())", &["--upload", "a b'é"]);
    call.file("a b'é", "odd").prints("odd\n");
}

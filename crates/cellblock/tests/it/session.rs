//! `session` with cells from a pipe.

use std::{io::BufRead, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Call, cellblock};

fn session(cells: &str, args: &[&str]) -> Call {
    cellblock(&[&["session"], args].concat()).stdin(cells)
}

#[test]
fn cells_share_variables_and_files() {
    let cells = "x = 6 * 7\nprint('hello', x)\n# %%\nopen('a.csv', 'w').write('a' * 3000);\n\
                 # %% the last one\nlen(open('a.csv').read()), x\n";
    let said = "files: a.csv (2.9 kB, created)\n";
    session(cells, &[]).gives("hello 42\n(3000, 42)\n", said, 0);
}

#[test]
fn a_whole_program_without_marks_is_one_cell() {
    session("def f(n):\n\n    return n + 1\nfor i in range(2):\n    print(f(i))\n", &[])
        .prints("1\n2\n");
    session("", &[]).prints("");
    session("# %%\n\n", &[]).prints("");
}

#[test]
fn the_first_cell_that_raises_is_the_last() {
    let came = session("print(1)\n# %%\n{}['key']\n# %%\nprint(2)\n", &[]).came();
    assert_eq!((came.stdout.as_str(), came.status), ("1\n", 1), "{came:?}");
    let traceback = came.stderr;
    assert!(traceback.starts_with("Traceback (most recent call last):\n"), "{traceback}");
    assert!(traceback.ends_with("\nKeyError: 'key'\n"), "{traceback}");
    assert!(!traceback.contains("cellblock_kernel") && !traceback.contains('\x1b'), "{traceback}");
}

#[test]
fn an_exit_is_the_status() {
    let said = "cellblock: the code asked to exit with status 3; the session goes on\n";
    session("import sys\nsys.exit(3)\n# %%\nprint(2)\n", &[]).gives("", said, 3);
}

#[test]
fn streams_are_told_apart_and_passed_on_as_they_are() {
    let cells = "import sys, os\nos.write(1, b'a\\x1b[2J\\xff\\n')\nsys.stderr.write('b\\n');";
    let came = session(cells, &[]).came();
    assert_eq!(came.stdout, "a\x1b[2J\u{fffd}\n");
    assert_eq!((came.stderr.as_str(), came.status), ("b\n", 0));
}

#[test]
fn a_turn_is_limited_and_what_it_wrote_is_kept() {
    let cells = "print('begun', flush=True)\ntry:\n    while True: pass\nfinally: print('over')\n";
    let came = session(cells, &["-t", "1s"]).came();
    assert!(came.stdout.starts_with("begun\n"), "{came:?}");
    assert!(came.stderr.contains("cellblock: timed out after 1 s (wall time)\n"), "{came:?}");
    assert_eq!(came.status, 124);
}

#[test]
fn a_kernel_that_dies_is_told_of() {
    let came = session("import os\nos._exit(7)\n", &[]).came();
    let lost = "cellblock: the kernel was restarted: variables are gone, files are kept\n";
    assert!(came.stderr.ends_with(lost), "{came:?}");
    assert_eq!(came.status, 1);
}

#[test]
fn nobody_answers_questions() {
    let came = session("input('name? ')", &[]).came();
    assert!(came.stderr.contains("EOFError"), "{came:?}");
    assert_eq!((came.stdout.as_str(), came.status), ("", 1));
}

const PICTURES: &str = "
class Picture:
    def __init__(self, form): self.form = form
    def __repr__(self): return 'as text'
    def _repr_mimebundle_(self, **_): return {**self.form, 'text/plain': 'as text'}
PIXEL = ('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8'
         'AAQUBAScY42YAAAAASUVORK5CYII=')
";

#[test]
fn pictures_become_files_and_everything_else_text() {
    let cells = format!(
        "{PICTURES}\n# %%\nPicture({{'image/png': PIXEL}})\n# %%\n\
         Picture({{'image/svg+xml': '<svg/>'}})\n# %%\nPicture({{'image/png': 'none'}})\n# %%\n\
         Picture({{'text/html': '<b>'}})\n"
    );
    let call = session(&cells, &["--images", "kept"]);
    let came = call.came();
    assert_eq!((came.stdout.as_str(), came.status), ("as text\nas text\n", 0), "{came:?}");
    let path = |name: &str| call.path("kept").join(name).display().to_string();
    let said = [path("image-1.png"), path("image-2.svg")];
    let said: String = said.iter().map(|path| format!("cellblock: image: {path}\n")).collect();
    assert_eq!(came.stderr, said);
    assert_eq!(call.read("kept/image-2.svg"), "<svg/>");
    assert!(std::fs::read(call.path("kept/image-1.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_runs() {
    session("print(1)", &["-E", "nowhere"]).refused(2, &["nowhere"]);
    session("print(1)", &["--idle-timeout", "soon"]).refused(2, &["not a duration"]);
    cellblock(&["session"]).stdin(b"\xff".to_vec()).refused(2, &["not UTF-8"]);
}

#[test]
fn policy_flags_are_those_of_a_run() {
    let call = session("import os\nos.environ['A'], open('/data/f').read()", &["-e", "A=b"]);
    let call = call.file("data/f", "shared");
    let volume = format!("{}:/data:ro", call.path("data").display());
    let cells = "import os\nos.environ['A'], open('/data/f').read()";
    session(cells, &["-e", "A=b", "-v", &volume]).prints("('b', 'shared')\n");
}

#[test]
fn an_interrupt_ends_the_cells_with_130() {
    let call = session("print('up', flush=True)\nwhile True: pass\n# %%\nprint(2)\n", &[]);
    let mut child = call.command().spawn().unwrap();
    let cells = "print('up', flush=True)\nwhile True: pass\n# %%\nprint(2)\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), cells.as_bytes()).unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    // The code is in its loop by then, or a moment later.
    std::thread::sleep(Duration::from_millis(100));
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    line.clear();
    assert_eq!(reader.read_line(&mut line).unwrap(), 0, "{line}");
}

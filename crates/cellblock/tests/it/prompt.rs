//! `session` on a terminal: what a person types, and what they see.

use std::{os::unix::fs::PermissionsExt, thread, time::Duration};

use crate::{
    fixture::{Call, cellblock},
    terminal::Terminal,
};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

fn call() -> Call {
    cellblock(&["session"])
}

/// A terminal with a session that waits for a cell.
fn opened(call: &Call) -> Terminal {
    let mut terminal = Terminal::open(call);
    terminal.sees("cellblock: Python 3.").sees("in bare; 30 s a turn, 1G of memory, no network");
    terminal.sees(">>> ");
    terminal
}

#[test]
fn values_are_shown_and_the_end_of_input_leaves() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("x = 6 * 7\r").sees("x = 6 * 7\n").sees(">>> ");
    terminal.types("x\r").sees("x\n42\n").sees(">>> ");
    terminal.types("print('no line end', end='')\r").sees("\nno line end\n").sees(">>> ");
    let (status, seen) = terminal.types(CTRL_D).ends();
    assert_eq!(status, 0, "{seen}");
}

#[test]
fn words_that_leave_python_leave() {
    for word in ["exit()", "quit", ":quit"] {
        let call = call();
        let mut terminal = opened(&call);
        assert_eq!(terminal.types(&format!("{word}\r")).ends().0, 0, "{word}");
    }
}

#[test]
fn a_block_goes_on_to_an_empty_line() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("def f(a):\r").types("    return a * 2\r").types("\r").sees(">>> ");
    terminal.types("f(\r").types("21)\r").sees("\n42\n").sees(">>> ");
    terminal.types("'''a\r").types("b'''\r").sees("'a\\nb'\n").sees(">>> ");
    assert_eq!(terminal.types(CTRL_D).ends().0, 0);
}

#[test]
fn what_is_typed_ahead_is_kept() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("def f(a):\r    return a * 2\r\rf(21)\rf(22)\r").sees("\n42\n").sees("\n44\n");
    terminal.sees(">>> ").types("import time; time.sleep(0.5); 'up'\rf(23)\r").sees("\n'up'\n");
    terminal.sees("\n46\n").sees(">>> ");
    assert_eq!(terminal.types(CTRL_D).ends().0, 0);
}

#[test]
fn an_interrupt_ends_the_turn_and_keeps_its_variables() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("x = 5; print('up'); exec('while True: pass')\r").sees("\nup\n");
    thread::sleep(Duration::from_millis(100));
    terminal.types(CTRL_C).sees("KeyboardInterrupt\n").sees(">>> ");
    terminal.types("x + 1\r").sees("\n6\n").sees(">>> ");
    terminal.types("never run").types(CTRL_C).sees(">>> ");
    terminal.types("x + 2\r").sees("\n7\n").sees(">>> ");
    let (status, seen) = terminal.types(CTRL_D).ends();
    assert!(status == 0 && !seen.contains("variables are gone"), "{seen}");
}

#[test]
fn the_tab_key_asks_the_kernel() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("some_long_name = 'found'\r").sees(">>> ");
    terminal.types("some_lo\t").sees("some_long_name").types("\r").sees("\n'found'\n").sees(">>> ");
    terminal.types("some_long_name.upp\t").sees(".upper").types("()\r").sees("\n'FOUND'\n");
    terminal.sees(">>> ").types("if True:\r").types("\tprint('indented')\r").types("\r");
    terminal.sees("\nindented\n").sees(">>> ");
    terminal.types(":re\t").sees(":restart").types(CTRL_C).sees(">>> ");
    assert_eq!(terminal.types(CTRL_D).ends().0, 0);
}

#[test]
fn code_asks_the_person() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("name = input('who? ')\r").sees("\nwho? ");
    terminal.types("bob\r").sees("bob\n").sees(">>> ");
    terminal.types("name\r").sees("\n'bob'\n").sees(">>> ");
    terminal.types("import getpass; p = getpass.getpass('word? ')\r").sees("\nword? ");
    // The echo goes off right after the question.
    thread::sleep(Duration::from_millis(300));
    terminal.types("s3cret\r").sees(">>> ");
    terminal.types("p == 's3' + 'cret'\r").sees("\nTrue\n").sees(">>> ");
    terminal.types("print('a', end=''); input('b? ')\r").sees("\nab? ");
    terminal.types("c\r").sees("c\n'c'\n>>> ");
    terminal.types("input('end? ')\r").sees("\nend? ");
    terminal.types(CTRL_D).sees("EOFError").sees(">>> ");
    terminal.types("input('stop? ')\r").sees("\nstop? ");
    terminal.types(CTRL_C).sees("KeyboardInterrupt").sees(">>> ");
    terminal.types("name\r").sees("\n'bob'\n").sees(">>> ");
    let (status, seen) = terminal.types(CTRL_D).ends();
    assert!(status == 0 && !seen.contains("s3cret"), "{seen}");
}

#[test]
fn what_was_typed_is_remembered_and_private() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("'first'\r").sees("\n'first'\n").sees(">>> ");
    terminal.types("if True:\r").types("    print('second')\r").types("\r");
    terminal.sees("\nsecond\n");
    terminal.sees(">>> ");
    assert_eq!(terminal.types(CTRL_D).ends().0, 0);
    let path = call.path(".local/state/cellblock/session-history");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path) & 0o777, 0o600);
    assert_eq!(mode(path.parent().unwrap()) & 0o077, 0);
    let kept = call.read(".local/state/cellblock/session-history");
    assert_eq!(kept, "#V2\n'first'\nif True:\\n    print('second')\n");
    let mut terminal = opened(&call);
    terminal.types(UP).sees("print('second')");
    // One to the upper line of the block, one to what was typed before it.
    terminal.types(UP).types(UP).sees("'first'").types("\r").sees("\n'first'\n").sees(">>> ");
    assert_eq!(terminal.types(CTRL_D).ends().0, 0);
}

#[test]
fn values_cannot_command_the_terminal() {
    let call = call();
    let mut terminal = opened(&call);
    let class = "class A: __repr__ = lambda self: 'a\\x1b]0;title\\x07b\\x9b2J'";
    terminal.types(&format!("{class}\r\r")).sees(">>> ");
    terminal.types("A()\r").sees("\na\u{fffd}]0;title\u{fffd}b\u{fffd}2J\n").sees(">>> ");
    terminal.types("raise ValueError('c\\x1b]0;d')\r").sees("ValueError: c\u{fffd}]0;d\n");
}

#[test]
fn pictures_are_shown_where_the_terminal_can() {
    let call = call().var("KITTY_WINDOW_ID", "1");
    let mut terminal = opened(&call);
    let pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
    let class = "class P: _repr_mimebundle_ = lambda self, **_: {'image/png': pixel}";
    terminal.types(&format!("pixel = '{pixel}'\r")).sees(">>> ");
    terminal.types(&format!("{class}\r\r")).sees(">>> ");
    terminal.types("P()\r").sees(&format!("<ESC>_Ga=T,f=100,m=0;{pixel}<ESC>\\")).sees(">>> ");
}

#[test]
fn a_lost_kernel_is_told_of_and_files_stay() {
    let call = call();
    let mut terminal = opened(&call);
    terminal.types("x = open('kept', 'w').write('k')\r").sees("files: kept (1 B, created)\n");
    terminal.sees(">>> ").types("import os; os._exit(3)\r");
    terminal.sees("cellblock: the kernel was restarted: variables are gone, files are kept\n");
    terminal.sees(">>> ").types("x\r").sees("NameError").sees(">>> ");
    terminal.types("open('kept').read()\r").sees("\n'k'\n").sees(">>> ");
    assert_eq!(terminal.types(CTRL_D).ends().0, 0);
}

#[test]
fn commands_are_carried_out() {
    let call = call().file("code.py", "y = 3\nprint('from a file')\n").file("in.txt", "input");
    let mut terminal = opened(&call);
    terminal.types(":help\r").sees(":put HOST [GUEST]").sees(">>> ");
    terminal.types(":run code.py\r").sees("\nfrom a file\n").sees(">>> ");
    terminal.types("y\r").sees("\n3\n").sees(">>> ");
    terminal.types(":put in.txt\r").sees("cellblock: in.txt (5 B)\n").sees(">>> ");
    terminal.types(":sh tr a-z A-Z <in.txt >out.txt; cat out.txt; exit 3\r").sees("INPUT");
    terminal.sees("cellblock: ended with status 3\n").sees(">>> ");
    terminal.types(":files\r").sees("5 B").sees("in.txt").sees("out.txt").sees(">>> ");
    terminal.types(":get out.txt\r").sees("cellblock: out.txt (5 B)\n").sees(">>> ");
    assert_eq!(call.read("out.txt"), "INPUT");
    terminal.types(":get out.txt\r").sees("cellblock: cannot use the host path").sees(">>> ");
    terminal.types(":get nothing\r").sees("cellblock: \"nothing\"").sees(">>> ");
    terminal.types(":limits\r").sees("memory").sees("1G").sees(">>> ");
    terminal.types(":restart\r").sees("variables are gone").sees(">>> ");
    terminal.types("y\r").sees("NameError").sees(">>> ");
    terminal.types(":nonsense\r").sees("there is no command \":nonsense\"").sees(">>> ");
    assert_eq!(terminal.types(":quit\r").ends().0, 0);
}

#[test]
fn an_idle_session_is_closed() {
    let call = cellblock(&["session", "--idle-timeout", "1s"]);
    let mut terminal = opened(&call);
    thread::sleep(Duration::from_secs(3));
    terminal.types("1\r").sees("cellblock: the session is");
    assert_eq!(terminal.ends().0, 125);
}

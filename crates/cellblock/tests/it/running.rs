//! Programs with their arguments, input, env vars and endings.

use crate::fixture::{cellblock, python, run, shell};

#[test]
fn a_file_runs_with_its_arguments() {
    run(&["hello.py", "a", "--json", "-q"])
        .file("hello.py", "import sys; print('hello', sys.argv[1:])")
        .prints("hello ['a', '--json', '-q']\n");
}

#[test]
fn a_shebang_tells_the_language() {
    let text = "#!/usr/bin/env python3\nimport sys; print(sys.argv[1])";
    run(&["tool", "x"]).file("tool", text).prints("x\n");
}

#[test]
fn the_named_language_wins() {
    run(&["-l", "sh", "a.py"]).file("a.py", "echo shell").prints("shell\n");
}

#[test]
fn code_from_standard_input_leaves_none_for_the_program() {
    run(&["-l", "python", "-", "x"])
        .stdin("import sys; print(sys.argv[1], repr(sys.stdin.read()))")
        .prints("x ''\n");
}

#[test]
fn standard_input_reaches_the_program_whole() {
    let code = "import sys; data = sys.stdin.buffer.read(); print(len(data), sum(data) % 251)";
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    python(code, &[]).stdin(bytes).prints(&format!("3000000 {}\n", sum % 251));
}

#[test]
fn standard_input_that_nobody_reads_harms_nothing() {
    shell("echo done", &[]).stdin(vec![b'x'; 1 << 20]).prints("done\n");
}

#[test]
fn both_streams_are_the_programs_own() {
    shell("printf 'out\\n'; printf 'err\\n' >&2", &[]).gives("out\n", "err\n", 0);
}

#[test]
fn output_is_passed_on_byte_for_byte() {
    let code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 5000)";
    let output = python(code, &[]).command().output().unwrap();
    let expected: Vec<u8> = (0..=255).cycle().take(256 * 5000).collect();
    assert!(output.stdout == expected, "{} bytes", output.stdout.len());
}

#[test]
fn statuses_pass_through() {
    for status in [0, 1, 2, 42, 124, 125, 255] {
        shell(&format!("exit {status}"), &[]).gives("", "", status);
    }
}

#[test]
fn signals_are_told_and_counted_from_128() {
    shell("kill -SEGV $$", &[]).gives("", "cellblock: ended by signal 11 (SIGSEGV)\n", 139);
    shell("kill -TERM $$", &[]).gives("", "cellblock: ended by signal 15 (SIGTERM)\n", 143);
    shell("kill -TERM $$", &["-q"]).gives("", "", 143);
}

#[test]
fn a_broken_pipe_inside_ends_its_writer_as_usual() {
    shell("yes | head -n 1", &[]).prints("y\n");
}

#[test]
fn env_vars_are_given_or_passed_on_and_nothing_else_is_there() {
    let code =
        "import os; print(os.environ.get('A'), os.environ.get('B'), os.environ.get('SECRET'))";
    python(code, &["-e", "A=1=2", "-e", "B", "-e", "UNSET"])
        .var("B", "two")
        .var("SECRET", "x")
        .prints("1=2 two None\n");
}

#[test]
fn programs_start_in_a_writable_workspace_as_a_user() {
    let code = "pwd; id -u; id -un; hostname 2>/dev/null || cat /etc/hostname; touch x && echo ok";
    shell(code, &[]).prints("/workspace\n1000\nuser\nsandbox\nok\n");
}

#[test]
fn exec_runs_a_program_with_its_arguments() {
    cellblock(&["exec", "-q", "printf", "%s|", "a b", "--x"]).prints("a b|--x|");
    cellblock(&["exec", "--", "printf", "%s", "-q"]).prints("-q");
}

#[test]
fn shell_runs_a_command_line_with_its_arguments() {
    cellblock(&["shell", "echo $1-$2; exit 3", "a", "b"]).gives("a-b\n", "", 3);
}

#[test]
fn a_compiler_that_refuses_is_an_outcome() {
    if !crate::fixture::has_language("c") {
        return;
    }
    let came = run(&["a.c"]).file("a.c", "int main(void) { return x; }").came();
    assert_eq!((came.status, came.stdout.as_str()), (1, ""));
    assert!(came.stderr.contains("a.c:1"), "{}", came.stderr);
}

#[test]
fn a_plan_is_printed_and_nothing_runs() {
    let came = shell("echo ran", &["--plan"]).came();
    assert_eq!((came.status, came.stderr.as_str()), (0, ""));
    assert!(came.stdout.contains("mount") && !came.stdout.contains("ran\n"), "{}", came.stdout);
}

#[test]
fn nothing_of_the_network_is_there_unless_asked_for() {
    let code = "tail -n +3 /proc/net/dev | wc -l";
    shell(code, &[]).prints("1\n");
    let host = std::fs::read_to_string("/proc/net/dev").unwrap().lines().skip(2).count();
    shell(code, &["--network", "full", "--allow-missing", "network"]).prints(&format!("{host}\n"));
}

#[test]
fn flags_that_change_nothing_yet_are_accepted() {
    shell("echo ok", &["--cold"]).prints("ok\n");
    for profile in ["strict", "default", "compat"] {
        shell("echo ok", &["--profile", profile]).prints("ok\n");
    }
}

#[test]
fn an_interpreter_is_forked_where_that_was_asked_for() {
    // What is forked comes of an interpreter that had loaded a kernel.
    let code = "import sys\nis_forked = 'cellblock_kernel' in sys.modules\n\
                print(is_forked, sys.argv[1:], repr(sys.stdin.read()))";
    for (args, forked) in [("--start=fork", "True"), ("--start=exec", "False"), ("--cold", "False")]
    {
        python(code, &[args, "a"]).prints(&format!("{forked} ['a'] ''\n"));
    }
    shell("echo ok", &["--start", "fork"]).prints("ok\n");
    shell("echo ok", &["--start", "fork", "--cold"]).refused(2, &["cannot be used with"]);
}

#[test]
fn terminals_are_there_but_under_strict() {
    let code = "
import os, pty
try:
    primary, secondary = pty.openpty()
    print(os.ttyname(secondary), sorted(os.listdir('/dev/pts')))
except OSError as error:
    print(error, os.path.exists('/dev/ptmx'))
";
    python(code, &[]).prints("/dev/pts/0 ['0', 'ptmx']\n");
    python(code, &["--profile", "strict"]).prints("out of pty devices False\n");
}

//! Where programs beside a kernel start, what they are told, and what they change.

use std::{collections::BTreeMap, path::PathBuf};

use api::{ErrorCode, FileChangeKind, Outcome, Program, Signal, Source};
use engine::{Cancel, Input, RunIo, Session, SessionRun};

use crate::fixture::{Heard, Tests, carry, on_session, run, shell, text, turn};

pub(crate) const TESTS: Tests = &[
    ("a_run_starts_where_it_is_told_to", a_run_starts_where_it_is_told_to),
    ("a_run_starts_nowhere_else", a_run_starts_nowhere_else),
    ("a_run_has_env_vars_of_its_own", a_run_has_env_vars_of_its_own),
    ("what_a_run_changed_is_told", what_a_run_changed_is_told),
    ("a_run_reads_what_it_is_given", a_run_reads_what_it_is_given),
    ("a_signal_waits_for_the_program", a_signal_waits_for_the_program),
    ("children_do_not_keep_a_run_open", children_do_not_keep_a_run_open),
];

async fn output(session: &Session, run: &SessionRun) -> String {
    let done = carry(session, run).await.unwrap();
    assert_eq!(done.result.outcome, Outcome::Exited { code: 0 }, "{done:?}");
    text(&done.result.stdout)
}

fn inside(directory: &str, run: SessionRun) -> SessionRun {
    SessionRun { directory: Some(PathBuf::from(directory)), ..run }
}

fn python(code: &str) -> SessionRun {
    SessionRun::new(Program::Source(Source {
        language: "python".to_owned(),
        file_name: "main.py".to_owned(),
        text: code.to_owned(),
    }))
}

fn a_run_starts_where_it_is_told_to() {
    on_session(|session| async move {
        turn(&session, "import os; os.makedirs('a/b'); os.symlink('/etc', 'out')").await;
        for (directory, place) in [
            ("a/b", "/workspace/a/b\n"),
            ("./a//b/.", "/workspace/a/b\n"),
            ("/workspace/a", "/workspace/a\n"),
            ("", "/workspace\n"),
            // What a link leads to is what it leads to inside.
            ("out", "/etc\n"),
        ] {
            assert_eq!(output(&session, &inside(directory, shell("pwd -P"))).await, place);
        }
        let code = "import os; print(os.getcwd()); open('here.txt', 'w').close()";
        assert_eq!(output(&session, &inside("a", python(code))).await, "/workspace/a\n");
        assert_eq!(output(&session, &shell("ls -A a")).await, "b\nhere.txt\n");
    });
}

fn a_run_starts_nowhere_else() {
    on_session(|session| async move {
        turn(&session, "open('file', 'w').close()").await;
        for (directory, code) in [
            ("..", ErrorCode::InvalidRequest),
            ("a/../..", ErrorCode::InvalidRequest),
            ("/etc", ErrorCode::InvalidRequest),
            ("a\0b", ErrorCode::InvalidRequest),
            ("file", ErrorCode::InvalidRequest),
            ("missing", ErrorCode::FileNotFound),
        ] {
            let refused = carry(&session, &inside(directory, shell("pwd"))).await.unwrap_err();
            let body = refused.body();
            assert_eq!(body.code, code, "{directory:?}: {body:?}");
            assert!(body.message.contains("directory to start in"), "{body:?}");
        }
        let missing = SessionRun::new(Program::Command { name: "no-such-program".to_owned() });
        let refused = carry(&session, &missing).await.unwrap_err().body();
        assert!(refused.message.contains("no-such-program"), "{refused:?}");
        assert_eq!(output(&session, &shell("pwd")).await, "/workspace\n");
    });
}

fn a_run_has_env_vars_of_its_own() {
    on_session(|session| async move {
        let vars = [("COLOUR", "blue = green"), ("HOME", "/workspace")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let print = || shell("echo \"$COLOUR,$HOME,$USER\"");
        let told = SessionRun { env_vars: BTreeMap::from(vars), ..print() };
        assert_eq!(output(&session, &told).await, "blue = green,/workspace,user\n");
        assert_eq!(output(&session, &print()).await, ",/home/user,user\n");
        for (name, value) in [("", "x"), ("A=B", "x"), ("A", "x\0y")] {
            let env_vars = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let refused = carry(&session, &SessionRun { env_vars, ..print() }).await;
            assert_eq!(refused.unwrap_err().body().code, ErrorCode::InvalidRequest, "{name:?}");
        }
    });
}

fn what_a_run_changed_is_told() {
    on_session(|session| async move {
        turn(&session, "open('old.csv', 'w').close(); open('kept.txt', 'w').write('1')").await;
        let line = "rm old.csv; mkdir d; printf abc > d/new.json; printf 12 > kept.txt";
        let done = carry(&session, &shell(line)).await.unwrap();
        let told: Vec<_> =
            done.changes.iter().map(|c| (c.path.as_str(), c.change, c.size_bytes)).collect();
        assert_eq!(
            told,
            [
                ("d/new.json", FileChangeKind::Created, Some(3)),
                ("kept.txt", FileChangeKind::Changed, Some(2)),
                ("old.csv", FileChangeKind::Deleted, None),
            ]
        );
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(done.changes[0].sha256.as_deref(), Some(known));
        // Its own source file is none of the user's.
        let done = carry(&session, &python("print('nothing')")).await.unwrap();
        assert_eq!(done.changes, []);
    });
}

fn a_run_reads_what_it_is_given() {
    on_session(|session| async move {
        let bytes = vec![b'x'; 3_000_000];
        let mut events = Heard::default();
        let stdin = Input::of_bytes(bytes);
        let io = RunIo {
            events: &mut events,
            stdin,
            cancel: Cancel::new(),
            asker: engine::Asker::default(),
        };
        let done = session.run(&shell("wc -c"), io).await.unwrap();
        assert_eq!(text(&done.result.stdout).trim(), "3000000");
    });
}

fn a_signal_waits_for_the_program() {
    on_session(|session| async move {
        for signal in [Signal::Kill, Signal::Term, Signal::Hup] {
            let run = shell("sleep 1000");
            run.signaller.send(signal);
            let done = carry(&session, &run).await.unwrap();
            let signal = signal.number();
            assert_eq!(done.result.outcome, Outcome::Signaled { signal });
        }
    });
}

fn children_do_not_keep_a_run_open() {
    on_session(|session| async move {
        let done = run(&session, "bash", "nohup sleep 1000 & setsid sleep 1000 & echo done").await;
        assert_eq!(done.outcome, Outcome::Exited { code: 0 }, "{done:?}");
        assert_eq!(text(&done.stdout), "done\n");
        // Nor do they outlive it.
        let left = "import subprocess; subprocess.run(['pgrep', '-x', 'sleep']).returncode";
        let left = turn(&session, left).await;
        assert_eq!(crate::fixture::value(&left), Some("1"));
    });
}

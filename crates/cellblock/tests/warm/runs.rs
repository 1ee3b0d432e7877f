//! Runs beside a kernel, and runs of one program by a forked kernel.

use std::time::Duration;

use api::{Outcome, PolicySpec, RunResult, StartSpec};
use engine::{Cancel, Engine, Input, RunIo};

use crate::fixture::{
    Heard, Tests, on_engine, on_session, python, run, spec, text, turn, value, without_pool,
};

pub(crate) const TESTS: Tests = &[
    ("programs_run_beside_a_busy_kernel", programs_run_beside_a_busy_kernel),
    ("other_languages_see_the_same_files", other_languages_see_the_same_files),
    ("a_forked_run_is_as_a_fresh_one", a_forked_run_is_as_a_fresh_one),
    ("a_forked_run_reads_its_standard_input", a_forked_run_reads_its_standard_input),
    ("kernels_have_terminals_of_their_own", kernels_have_terminals_of_their_own),
];

fn programs_run_beside_a_busy_kernel() {
    on_session(|session| async move {
        let busy = turn(
            &session,
            "open('a.txt', 'w').write('from python')\nimport time\ntime.sleep(2)\n9",
        );
        let (kernel, shell) = tokio::join!(busy, async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let began = std::time::Instant::now();
            let result =
                run(&session, "bash", "cat a.txt; echo more > b.txt; echo err >&2; exit 3").await;
            assert!(began.elapsed() < Duration::from_millis(1600));
            result
        });
        assert_eq!(shell.outcome, Outcome::Exited { code: 3 });
        assert_eq!(
            (text(&shell.stdout).as_str(), text(&shell.stderr).as_str()),
            ("from python", "err\n")
        );
        assert_eq!(value(&kernel), Some("9"));
        let seen =
            turn(&session, "open('b.txt').read(), sorted(__import__('os').listdir('.'))").await;
        assert_eq!(value(&seen), Some("('more\\n', ['a.txt', 'b.txt'])"));
    });
}

fn kernels_have_terminals_of_their_own() {
    on_session(|session| async move {
        let open = "import os, pty\nprimary, secondary = pty.openpty()\nos.ttyname(secondary)";
        assert_eq!(value(&turn(&session, open).await), Some("'/dev/pts/0'"));
        let listed = run(&session, "bash", "ls /dev/pts").await;
        assert_eq!(text(&listed.stdout), "0\nptmx\n");
    });
}

fn other_languages_see_the_same_files() {
    on_session(|session| async move {
        turn(&session, "open('n.txt', 'w').write('20')").await;
        let result = run(&session, "python", "print(int(open('n.txt').read()) + 1)").await;
        assert_eq!(
            (text(&result.stdout).as_str(), result.outcome),
            ("21\n", Outcome::Exited { code: 0 })
        );
        let result = run(&session, "perl", "open(F, 'n.txt'); print <F> + 2").await;
        assert_eq!(text(&result.stdout), "22", "{result:?}");
        let c = "#include <stdio.h>\nint main(void) { puts(\"c\"); return 4; }";
        let result = run(&session, "c", c).await;
        assert_eq!(
            (text(&result.stdout).as_str(), result.outcome),
            ("c\n", Outcome::Exited { code: 4 })
        );
        let left = turn(&session, "import os; os.listdir('.'), os.listdir('/tmp')").await;
        assert_eq!(value(&left), Some("(['n.txt'], [])"));
    });
}

async fn once(engine: &Engine, code: &str, start: StartSpec) -> RunResult {
    once_with(engine, code, start, Input::Empty).await
}

async fn once_with(engine: &Engine, code: &str, start: StartSpec, stdin: Input) -> RunResult {
    let policy = PolicySpec { start: Some(start), ..spec() };
    let mut events = Heard::default();
    let io = RunIo {
        events: &mut events,
        stdin,
        cancel: Cancel::new(),
        asker: engine::Asker::default(),
    };
    engine.run(python(code, policy), io).await.unwrap()
}

const READERS: &[&str] = &[
    "import sys; data = sys.stdin.buffer.read(); print(len(data), data[:9], data[-3:])",
    "try:\n    print(input(), input(), input())\nexcept EOFError as end:\n    print(end)",
    "import sys; print(sum(1 for _ in sys.stdin), sys.stdin.read() == '')",
    "import os; print(os.read(0, 4)); os.close(0)",
    "import subprocess; subprocess.run(['wc', '-c'])",
    "import os, sys, stat; print(stat.S_ISFIFO(os.fstat(0).st_mode), sys.stdin.isatty())",
    "print('reads nothing')",
];

fn a_forked_run_reads_its_standard_input() {
    let numbers: String = (0..300_000).map(|number| format!("{number}\n")).collect();
    let inputs = [numbers.into_bytes(), b"one\n\xff\xfe\0\nthree".to_vec(), Vec::new()];
    on_engine(without_pool(), |engine| async move {
        for code in READERS {
            for input in &inputs {
                let mut seen = Vec::new();
                for start in [StartSpec::Exec, StartSpec::Fork] {
                    let stdin = Input::of_bytes(input.clone());
                    let result = once_with(&engine, code, start, stdin).await;
                    let (out, err) = (text(&result.stdout), text(&result.stderr));
                    seen.push((result.outcome, out, err));
                }
                assert_eq!(seen[0], seen[1], "{code}, {} bytes", input.len());
            }
        }
        assert_eq!(engine.warm_stats().misses, (READERS.len() * inputs.len()) as u64);
    });
}

const PROGRAMS: &[&str] = &[
    "print('hello')",
    "import sys; print(sys.argv); print(sys.path[0]); print(__name__, __file__)",
    "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)",
    "import sys; sys.exit('a message')",
    "import sys; sys.exit(None)",
    "import sys; sys.exit(300)",
    "def f():\n    return 1 / 0\n\nprint('before')\nf()\n",
    "x = (1 +\n",
    "import os; os.write(1, b'raw\\xff\\n'); os._exit(9)",
    "import os; print(os.getcwd(), sorted(os.listdir('.')))",
    "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))",
    "import atexit; atexit.register(print, 'at exit'); print('main')",
    "import threading; threading.Timer(0.2, print, ['later']).start(); print('now')",
    "import ctypes; ctypes.string_at(0)",
    "raise SystemExit(5)",
    "import sys; print(sys.stdin.read() == '')",
    "print(open(__file__).read())",
    "import subprocess; print(subprocess.run(['echo', 'child'], capture_output=True).stdout)",
    "import os\npid = os.fork()\nif pid == 0:\n    print('child', flush=True); os._exit(0)\n\
     os.waitpid(pid, 0); print('parent')",
    "import sys; sys.stdout.write('no newline')",
    "import sys; print(sys.flags.dont_write_bytecode, sys.flags.isolated, sys.flags.safe_path if hasattr(sys.flags, 'safe_path') else 0)",
    "print('x' * 3_000_000)",
    "import __main__; print(__main__.__dict__.keys() >= {'__builtins__', '__file__'})",
    "class A: pass\nimport pickle; print(type(pickle.loads(pickle.dumps(A()))).__module__)",
];

fn a_forked_run_is_as_a_fresh_one() {
    on_engine(without_pool(), |engine| async move {
        let mut different = Vec::new();
        for code in PROGRAMS {
            let cold = once(&engine, code, StartSpec::Exec).await;
            let warm = once(&engine, code, StartSpec::Fork).await;
            let short = |result: &RunResult| {
                (result.outcome, text(&result.stdout), text(&result.stderr), result.phase)
            };
            if short(&cold) != short(&warm) {
                different.push(format!("{code}\ncold {:?}\nwarm {:?}", short(&cold), short(&warm)));
            }
        }
        assert!(different.is_empty(), "{}", different.join("\n\n"));
        assert_eq!(engine.warm_stats().misses, PROGRAMS.len() as u64);
    });
}

//! Sessions whose kernels were forked from one interpreter: none has anything of
//! another, and none can take anything from another.

use std::{collections::BTreeSet, future::Future};

use engine::{Engine, Session};
use policy::Ceiling;

use crate::fixture::{Tests, below_ceiling, on_engine, request, turn, value, without_pool};

pub(crate) const TESTS: Tests = &[
    ("siblings_draw_different_numbers", siblings_draw_different_numbers),
    ("a_kernel_holds_nothing_of_its_interpreter", a_kernel_holds_nothing_of_its_interpreter),
    ("what_one_changes_no_other_has", what_one_changes_no_other_has),
    ("siblings_have_no_process_in_common", siblings_have_no_process_in_common),
    ("siblings_have_no_channel_in_common", siblings_have_no_channel_in_common),
    ("locks_and_watches_end_at_the_sandbox", locks_and_watches_end_at_the_sandbox),
    ("threads_of_one_leave_room_for_others", threads_of_one_leave_room_for_others),
    ("signals_and_pages_of_one_leave_room", signals_and_pages_of_one_leave_room),
    ("watchers_of_one_leave_room", watchers_of_one_leave_room),
    ("many_do_not_use_up_their_interpreter", many_do_not_use_up_their_interpreter),
];

async fn session(engine: &Engine) -> Session {
    engine.create_session(request()).await.unwrap()
}

/// Runs a test on two sessions of one engine, and so of one interpreter.
fn on_pair<T: Future<Output = ()>>(test: impl FnOnce(Session, Session) -> T) {
    on_engine(without_pool(), |engine| async move {
        let (one, other) = (session(&engine).await, session(&engine).await);
        test(one, other).await;
    });
}

/// What the last expression of a turn is, as text.
async fn says(session: &Session, code: &str) -> String {
    let result = turn(session, code).await;
    value(&result).unwrap_or_else(|| panic!("{result:?}")).to_owned()
}

fn siblings_draw_different_numbers() {
    const DRAW: &str = "import os, random, secrets, ssl, tempfile, uuid\n\
        def drawn():\n    \
            yield 'random', random.random()\n    \
            yield 'system', random.SystemRandom().random()\n    \
            yield 'urandom', os.urandom(8).hex()\n    \
            yield 'secrets', secrets.token_hex(8)\n    \
            yield 'openssl', ssl.RAND_bytes(8).hex()\n    \
            yield 'uuid1', uuid.uuid1().hex\n    \
            yield 'uuid4', uuid.uuid4().hex\n    \
            yield 'name', tempfile.mktemp()\n    \
            try: import numpy\n    \
            except ImportError: return\n    \
            yield 'numpy', float(numpy.random.random())\n    \
            yield 'generator', float(numpy.random.default_rng().random())\n\
        print(*(f'{name}={drawn}' for name, drawn in drawn()), sep='\\n')";
    const SIBLINGS: usize = 6;
    on_engine(without_pool(), |engine| async move {
        let mut drawn = Vec::new();
        for _ in 0..SIBLINGS {
            let result = turn(&session(&engine).await, DRAW).await;
            drawn.extend(result.stdout.head.lines().map(str::to_owned));
        }
        assert!(drawn.len() >= 8 * SIBLINGS, "{drawn:?}");
        let distinct: BTreeSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len(), "{drawn:?}");
    });
}

fn a_kernel_holds_nothing_of_its_interpreter() {
    const HELD: &str = "import os, re\n\
        links = [f'/proc/self/fd/{number}' for number in os.listdir('/proc/self/fd')]\n\
        names = [os.readlink(link) for link in links if os.path.islink(link)]\n\
        sorted({re.sub(r'[0-9]', '', name) for name in names}), \
        len({name for name in names if name[0] != '/'})";
    const LOOKED_AT: &str = "import os\n\
        shared = [line for line in open('/proc/self/maps') if line.split()[1][1::2] == 'ws']\n\
        def opens(path):\n    \
            try: os.close(os.open(path, os.O_RDONLY)); return True\n    \
            except OSError as error: return error.errno\n\
        ranges = os.listdir('/proc/self/map_files')\n\
        shared, os.listdir('/proc/self/task'), os.getcwd(), os.readlink('/proc/self/root'), \
        opens('/proc/self/exe'), opens('/proc/self/map_files/' + ranges[0]), os.getppid()";
    on_pair(|one, _| async move {
        // Two pipes and a socket, and nothing of a file system but the null device.
        let held = "(['/dev/null', 'pipe:[]', 'socket:[]'], 3)";
        assert_eq!(says(&one, HELD).await, held);
        let seen = "([], ['1'], '/workspace', '/', 13, 1, 0)";
        assert_eq!(says(&one, LOOKED_AT).await, seen);
    });
}

fn what_one_changes_no_other_has() {
    on_engine(without_pool(), |engine| async move {
        let (one, other) = (session(&engine).await, session(&engine).await);
        let change = "import builtins, json, os, sys\nbuiltins.mark = json.mark = 'one'\n\
                      os.environ['MARK'] = 'one'\nsys.path.append('/mark')\nos.umask(0)\n\
                      open('/tmp/mark', 'w').close(); os.chdir('/tmp')";
        assert!(turn(&one, change).await.exception.is_none());
        let look = "import builtins, json, os, sys\n\
                    (hasattr(builtins, 'mark'), hasattr(json, 'mark'), 'MARK' in os.environ, \
                    '/mark' in sys.path, os.umask(18), os.path.exists('/tmp/mark'), os.getcwd())";
        let untouched = "(False, False, False, False, 18, False, '/workspace')";
        assert_eq!(says(&other, look).await, untouched);
        assert_eq!(says(&session(&engine).await, look).await, untouched);
    });
}

fn siblings_have_no_process_in_common() {
    on_pair(|one, other| async move {
        let begin = "import subprocess\n\
                     busy = [subprocess.Popen(['sleep', '60']) for _ in range(3)]";
        assert!(turn(&one, begin).await.exception.is_none());
        let look = "import os, signal\n\
                    def reached(pid):\n    \
                        try: os.kill(pid, signal.SIGKILL); return True\n    \
                        except ProcessLookupError: return False\n\
                    ([name for name in os.listdir('/proc') if name.isdigit()], \
                    [pid for pid in [-1, *range(2, 1000)] if reached(pid)])";
        assert_eq!(says(&other, look).await, "(['1'], [])");
        assert_eq!(says(&one, "[each.poll() for each in busy]").await, "[None, None, None]");
    });
}

fn siblings_have_no_channel_in_common() {
    on_pair(|one, other| async move {
        let offer = "import ctypes, os, socket\nlibc = ctypes.CDLL(None)\n\
            def listening(family, address):\n    \
                offered = socket.socket(family); offered.bind(address); offered.listen()\n    \
                offered.setblocking(False); return offered\n\
            offered = [listening(socket.AF_UNIX, name) for name in ('\\0mark', '/tmp/mark')]\n\
            offered.append(listening(socket.AF_INET, ('127.0.0.1', 4711)))\n\
            open('/dev/shm/mark', 'w').close(); os.mkfifo('/tmp/pipe')\n\
            libc.shmget(4711, 4096, 0o1666), libc.semget(4711, 1, 0o1666)";
        assert!(!says(&one, offer).await.contains("-1"), "the host kernel has them");
        let reach = "import ctypes, os, socket\nlibc = ctypes.CDLL(None)\n\
            def reaches(family, address):\n    \
                try: socket.socket(family).connect(address); return True\n    \
                except (ConnectionRefusedError, FileNotFoundError): return False\n\
            (reaches(socket.AF_UNIX, '\\0mark'), reaches(socket.AF_UNIX, '/tmp/mark'), \
            reaches(socket.AF_INET, ('127.0.0.1', 4711)), os.listdir('/dev/shm'), \
            os.listdir('/tmp'), libc.shmget(4711, 4096, 0), libc.semget(4711, 1, 0))";
        assert_eq!(says(&other, reach).await, "(False, False, False, [], [], -1, -1)");
        let heard = "def heard(each):\n    \
                try: each.accept(); return True\n    \
                except BlockingIOError: return False\n\
            [heard(each) for each in offered]";
        assert_eq!(says(&one, heard).await, "[False, False, False]");
    });
}

fn locks_and_watches_end_at_the_sandbox() {
    const WATCH: &str = "import ctypes, fcntl, os\nlibc = ctypes.CDLL(None)\n\
        watcher = libc.inotify_init1(os.O_NONBLOCK)\n\
        def events():\n    \
            try: return len(os.read(watcher, 4096))\n    \
            except BlockingIOError: return 0\n\
        libc.inotify_add_watch(watcher, os.__file__.encode(), 0xfff)";
    const USE: &str = "import fcntl, os\nheld = open(os.__file__)\n\
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)\nlen(held.read()) > 0";
    on_pair(|one, other| async move {
        assert_eq!(says(&other, WATCH).await, "1");
        assert_eq!(says(&one, USE).await, "True");
        assert_eq!(says(&other, "events()").await, "0");
        // A watch that sees its own sandbox is one that could have seen the other.
        assert_eq!(says(&other, USE).await, "True");
        assert_eq!(says(&other, "events() > 0").await, "True");
    });
}

fn threads_of_one_leave_room_for_others() {
    on_engine(without_pool(), |engine| async move {
        let (one, other) = (session(&engine).await, session(&engine).await);
        let fill = "import threading\nthreading.stack_size(65536)\n\
            go, count = threading.Event(), 0\n\
            try:\n    \
                while count < 1000:\n        \
                    threading.Thread(target=go.wait, daemon=True).start(); count += 1\n\
            except RuntimeError: pass\n\
            200 < count < 1000";
        assert_eq!(says(&one, fill).await, "True");
        let start = "import subprocess\nsubprocess.run(['true']).returncode";
        assert_eq!(says(&other, start).await, "0");
        assert_eq!(says(&session(&engine).await, start).await, "0");
    });
}

fn signals_and_pages_of_one_leave_room() {
    const PREPARE: &str = "import ctypes, signal\nlibc = ctypes.CDLL(None)\n\
        class Value(ctypes.Union): _fields_ = [('pointer', ctypes.c_void_p)]\n\
        _ = signal.pthread_sigmask(signal.SIG_BLOCK, [40])\n\
        pages = ctypes.create_string_buffer(40_000)\n\
        def queued(most): return sum(libc.sigqueue(1, 40, Value()) == 0 for _ in range(most))\n";
    on_pair(|one, other| async move {
        let fill = format!("{PREPARE}0 < queued(1000) < 1000, libc.mlock(pages, 40_000)");
        assert_eq!(says(&one, &fill).await, "(True, 0)");
        let same = format!("{PREPARE}queued(1), libc.mlock(pages, 40_000)");
        assert_eq!(says(&other, &same).await, "(1, 0)");
    });
}

fn watchers_of_one_leave_room() {
    const WATCHERS: &str = "import ctypes\nlibc = ctypes.CDLL(None)\n\
        sum(libc.inotify_init1(0) >= 0 for _ in range(500))";
    on_pair(|one, other| async move {
        // Of the host kernel's own, which are 128 for all sandboxes of root together.
        assert_eq!(says(&one, WATCHERS).await, "16");
        assert_eq!(says(&other, WATCHERS).await, "16");
    });
}

fn many_do_not_use_up_their_interpreter() {
    // Each leaves most of a megabyte with it.
    const SIBLINGS: usize = 80;
    let mut ceiling = Ceiling::own_machine();
    ceiling.defaults.memory_bytes = 48 << 20;
    below_ceiling(ceiling, without_pool(), |engine| async move {
        let mut siblings = Vec::new();
        for _ in 0..SIBLINGS {
            siblings.push(session(&engine).await);
        }
        assert_eq!(engine.warm_stats().parked, 1);
        assert_eq!(says(&siblings[0], "1").await, "1");
    });
}

//! Shares of sandboxes that were ready before anybody asked for them; shares that stand
//! in what programs may change, and what programs make of that.

use std::{
    fs,
    future::Future,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, mpsc},
};

use api::{Access, Control, PolicySpec, RunResult, ShareSpec, StartSpec};
use engine::{Cancel, Engine, Input, RunIo, Session, SessionRequest, WarmConfig};
use policy::Ceiling;
use tokio::runtime::Builder;

use crate::fixture::{
    Heard, PATIENCE, Tests, engine, on_engine, python, request, run, spec, text, turn, value,
    without_pool,
};

pub(crate) const TESTS: Tests = &[
    ("a_ready_sandbox_takes_shares", a_ready_sandbox_takes_shares),
    ("shares_are_the_same_warm_and_cold", shares_are_the_same_warm_and_cold),
    ("shares_come_to_what_was_ready_for_anybody", shares_come_to_what_was_ready_for_anybody),
    ("nothing_gets_into_a_read_only_share", nothing_gets_into_a_read_only_share),
    ("devices_in_a_share_are_dead", devices_in_a_share_are_dead),
    ("mounts_in_a_share_are_confined_and_stay_apart", mounts_in_a_share_are_confined),
    ("a_share_is_what_it_was_when_it_was_looked_up", a_share_is_what_it_was),
    ("a_share_that_is_gone_is_an_error", a_share_that_is_gone_is_an_error),
    ("links_in_the_way_of_a_share_lead_nowhere", links_in_the_way_of_a_share_lead_nowhere),
    ("a_pipe_where_a_share_was_is_not_waited_for", a_pipe_where_a_share_was_is_not_waited_for),
    ("shares_of_many_at_once_wait_for_nobody", shares_of_many_at_once_wait_for_nobody),
];

/// On threads of their own, processes are made at the very same time.
fn shares_of_many_at_once_wait_for_nobody() {
    const ROUNDS: usize = 6;
    const AT_ONCE: usize = 8;
    let shared = Shared::new("at-once");
    let runtime = Builder::new_multi_thread().worker_threads(AT_ONCE).enable_all().build().unwrap();
    let all = async {
        let engine = Arc::new(engine(Ceiling::own_machine(), without_pool()));
        for _ in 0..ROUNDS {
            let begin = |_| {
                let (engine, source) = (Arc::clone(&engine), shared.0.clone());
                tokio::spawn(async move {
                    let shares = vec![share(source, "/data", Access::ReadOnly)];
                    engine.create_session(with(shares)).await.map(drop)
                })
            };
            let begun: Vec<_> = (0..AT_ONCE).map(begin).collect();
            for session in begun {
                session.await.unwrap().unwrap();
            }
        }
    };
    // What waits for itself would hold the runtime's end back, too.
    let (done, ended) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            std::process::abort();
        }
    });
    runtime.block_on(all);
    drop(done);
}

/// A host directory with a file in it, gone when the test is over.
struct Shared(PathBuf);

impl Shared {
    fn new(name: &str) -> Self {
        let place = std::env::temp_dir().join(format!("cellblock-{name}-{}", std::process::id()));
        fs::create_dir_all(place.join("below")).unwrap();
        fs::write(place.join("file"), "shared").unwrap();
        Self(place)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Shared {
    /// The host path of something in it.
    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn share(source: PathBuf, target: &str, access: Access) -> ShareSpec {
    ShareSpec { source, target: target.into(), access }
}

fn with(shares: Vec<ShareSpec>) -> SessionRequest {
    SessionRequest { policy: PolicySpec { shares, ..spec() }, ..request() }
}

/// Directories and files, in the root and in what may be written to anyway.
fn shares_of(shared: &Shared) -> Vec<ShareSpec> {
    vec![
        share(shared.at("below"), "/deep/in/out", Access::ReadWrite),
        share(shared.0.clone(), "/data", Access::ReadOnly),
        share(shared.at("file"), "/deep/file.txt", Access::ReadOnly),
        share(shared.at("file"), "/file", Access::ReadWrite),
        share(shared.0.clone(), "/workspace/in/share", Access::ReadOnly),
        share(shared.at("below"), "/tmp/a/b", Access::ReadWrite),
        share(shared.at("file"), "/home/user/file", Access::ReadWrite),
    ]
}

/// Takes a session out of a pool that was filled for other shares.
async fn ready(engine: &Engine, shares: Vec<ShareSpec>) -> Session {
    let other = share(std::env::temp_dir(), "/somewhere/else", Access::ReadOnly);
    engine.prewarm(&with(vec![other]), 1).await.unwrap();
    let session = engine.create_session(with(shares)).await.unwrap();
    assert!(session.info().was_ready);
    let stats = engine.warm_stats();
    assert_eq!((stats.hits, stats.misses, stats.parked), (1, 0, 1), "{stats:?}");
    session
}

const USE_SHARES: &str = "
import os
def write(path):
    try:
        with open(path, 'a') as file:
            file.write('+')
        return 'written'
    except OSError as problem:
        return os.strerror(problem.errno)

print(sorted(os.listdir('/deep')), os.listdir('/deep/in'))
for path in ('/data/file', '/deep/file.txt', '/file', 'in/share/file', '/home/user/file'):
    print(path, open(path).read(), write(path))
new = ('/data/new', '/deep/in/out/new', 'in/share/new', '/tmp/a/b/other', '/new', '/deep/new')
for path in new:
    print(path, write(path))
print(os.stat('/deep/in/out').st_uid == os.getuid(), write('/proc/self/comm'))
";

const USED: &str = "['file.txt', 'in'] ['out']
/data/file shared Read-only file system
/deep/file.txt shared Read-only file system
/file shared written
in/share/file shared+ Read-only file system
/home/user/file shared+ written
/data/new Read-only file system
/deep/in/out/new written
in/share/new Read-only file system
/tmp/a/b/other written
/new Read-only file system
/deep/new Read-only file system
True Permission denied
";

fn a_ready_sandbox_takes_shares() {
    let shared = Shared::new("ready");
    on_engine(WarmConfig::default(), |engine| async move {
        let session = ready(&engine, shares_of(&shared)).await;
        let used = turn(&session, USE_SHARES).await;
        assert_eq!(text(&used.stdout), USED, "{used:?}");
        assert_eq!(fs::read_to_string(shared.at("file")).unwrap(), "shared++");
        let made = fs::metadata(shared.at("below/new")).unwrap();
        let owner = fs::metadata(&shared.0).unwrap();
        assert_eq!((made.uid(), made.gid()), (owner.uid(), owner.gid()));
        // A further process has the same, and so has another kernel.
        let look = "cat /data/below/new; echo - > /deep/in/out/sh; echo x > /new";
        let shell = run(&session, "sh", look).await;
        assert_eq!(text(&shell.stdout), "+", "{shell:?}");
        assert!(text(&shell.stderr).contains("Read-only file system"), "{shell:?}");
        session.restart().await.unwrap();
        let again = "print(open('/file').read(), open('/tmp/a/b/sh').read())\n\
            open('/deep/in/out/again', 'w').close()";
        assert_eq!(text(&turn(&session, again).await.stdout), "shared++ -\n\n");
        assert!(shared.at("below/again").exists());
    });
}

async fn once(engine: &Engine, code: &str, shares: Vec<ShareSpec>, start: StartSpec) -> RunResult {
    let policy = PolicySpec { shares, start: Some(start), ..spec() };
    let io = RunIo {
        events: &mut Heard::default(),
        stdin: Input::Empty,
        cancel: Cancel::new(),
        asker: engine::Asker::default(),
    };
    engine.run(python(code, policy), io).await.unwrap()
}

/// What is told of the mounts of shares, without their numbers.
const LOOK_AT_MOUNTS: &str = "
for line in sorted(open('/proc/self/mountinfo')):
    fields = line.split(' ')
    place = fields[4]
    if place.startswith(('/deep', '/data', '/file', '/workspace/', '/tmp/', '/home/user/')):
        print(*fields[2:], end='')
";

fn shares_are_the_same_warm_and_cold() {
    let shared = Shared::new("same");
    on_engine(WarmConfig::default(), |engine| async move {
        let mut seen = Vec::new();
        for start in [StartSpec::Exec, StartSpec::Fork] {
            for code in [USE_SHARES, LOOK_AT_MOUNTS] {
                fs::write(shared.at("file"), "shared").unwrap();
                seen.push(once(&engine, code, shares_of(&shared), start).await);
            }
        }
        let [cold, cold_mounts, warm, warm_mounts] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!((text(&cold.stdout).as_str(), text(&warm.stdout).as_str()), (USED, USED));
        let sorted = |result: &RunResult| {
            let mut lines: Vec<_> = text(&result.stdout).lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(cold_mounts), sorted(warm_mounts));
        assert_eq!(sorted(warm_mounts).len(), 7, "{warm_mounts:?}");
        for control in Control::ALL.iter().copied() {
            let level = |result: &RunResult| result.enforcement.level(control);
            assert_eq!(level(cold), level(warm), "{}", control.name());
        }
        let landlock = |result: &RunResult| {
            let controls = &result.enforcement.controls;
            controls.get(&Control::Landlock).map(|found| found.detail.clone())
        };
        assert_eq!(landlock(cold), landlock(warm));
        assert_eq!(engine.warm_stats().hits + engine.warm_stats().misses, 2);
    });
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn shares_come_to_what_was_ready_for_anybody() {
    let shared = Shared::new("anybody");
    on_engine(WarmConfig::default(), |engine| async move {
        engine.prewarm(&request(), 1).await.unwrap();
        let shares = shares_of(&shared);
        let session = engine.create_session(with(shares)).await.unwrap();
        let used = turn(&session, USE_SHARES).await;
        assert_eq!(text(&used.stdout), USED, "{used:?}");
        // An ordinary user's sandboxes with shares are that user's own from the start.
        if is_root() {
            assert!(session.info().was_ready);
            assert_eq!(engine.warm_stats().parked, 1);
        }
    });
}

fn nothing_gets_into_a_read_only_share() {
    let shared = Shared::new("sealed");
    on_engine(WarmConfig::default(), |engine| async move {
        let data = share(shared.0.clone(), "/data", Access::ReadOnly);
        let out = share(shared.at("below"), "/data/below", Access::ReadWrite);
        let session = ready(&engine, vec![data, out]).await;
        let code = "
import os
open('mine', 'w').close()
attempts = {
    'truncate': lambda: os.truncate('/data/file', 0),
    'unlink': lambda: os.unlink('/data/file'),
    'rename': lambda: os.rename('/data/file', '/data/other'),
    'move': lambda: os.rename('mine', '/data/mine'),
    'take': lambda: os.rename('/data/file', '/data/below/file'),
    'link': lambda: os.link('/data/file', '/data/below/file'),
    'chmod': lambda: os.chmod('/data/file', 0o777),
    'utime': lambda: os.utime('/data/file', (1, 1)),
    'mkdir': lambda: os.mkdir('/data/new'),
    'symlink': lambda: os.symlink('/', '/data/new'),
    'xattr': lambda: os.setxattr('/data/file', 'user.a', b'a'),
    'reopen': lambda: os.open('/proc/self/fd/%d' % os.open('/data/file', os.O_RDONLY), os.O_RDWR),
    'up': lambda: open('/data/below/../file', 'w'),
    'by link': lambda: (os.symlink('../file', '/data/below/l'), open('/data/below/l', 'w')),
}
for name, attempt in attempts.items():
    try:
        attempt()
        print(name, 'was done')
    except OSError as problem:
        assert problem.errno in (1, 13, 18, 30), problem
open('/data/below/new', 'w').close()
";
        let tried = turn(&session, code).await;
        assert!(tried.exception.is_none() && text(&tried.stdout).is_empty(), "{tried:?}");
        assert!(shared.at("below/new").exists());
        assert_eq!(fs::read_to_string(shared.at("file")).unwrap(), "shared");
        assert_eq!(fs::read_dir(&shared.0).unwrap().count(), 2);
    });
}

fn done(program: &str, args: &[&str]) {
    assert!(Command::new(program).args(args).status().unwrap().success(), "{program} {args:?}");
}

fn devices_in_a_share_are_dead() {
    if !is_root() {
        return;
    }
    let shared = Shared::new("devices");
    let device = shared.at("below/null");
    done("mknod", &["-m", "0666", device.to_str().unwrap(), "c", "1", "3"]);
    // To show that it would work.
    assert!(fs::write(&device, "x").is_ok());
    on_engine(WarmConfig::default(), |engine| async move {
        let out = share(shared.at("below"), "/out", Access::ReadWrite);
        let node = share(shared.at("below/null"), "/node", Access::ReadWrite);
        let session = ready(&engine, vec![out, node]).await;
        for path in ["/out/null", "/node"] {
            let opened = turn(&session, &format!("open({path:?}, 'rb').read()")).await;
            let exception = opened.exception.unwrap();
            assert_eq!(exception.name, "PermissionError", "{path}: {exception:?}");
        }
    });
}

/// A mount that is gone when the test is over.
struct MountedAt(PathBuf);

impl MountedAt {
    fn new(args: &[&str], place: &Path) -> Self {
        let place_text = place.to_str().unwrap();
        done("mount", &[args, &[place_text]].concat());
        Self(place.to_owned())
    }
}

impl Drop for MountedAt {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mounts_in_a_share_are_confined() {
    if !is_root() {
        return;
    }
    let shared = Shared::new("mounts");
    let source = shared.0.to_str().unwrap().to_owned();
    let _itself = MountedAt::new(&["--bind", &source], &shared.0);
    done("mount", &["--make-shared", &source]);
    fs::create_dir(shared.at("later")).unwrap();
    let _nested = MountedAt::new(&["-t", "tmpfs", "tmpfs"], &shared.at("below"));
    fs::write(shared.at("below/deep"), "deep").unwrap();
    done("mknod", &["-m", "0666", shared.at("below/null").to_str().unwrap(), "c", "1", "3"]);
    // It is removed after what is mounted in it.
    let shared = &shared;
    on_engine(WarmConfig::default(), |engine| async move {
        let data = share(shared.0.clone(), "/data", Access::ReadOnly);
        for is_warm in [false, true] {
            let code = "
import os
print(open('/data/below/deep').read(), len(os.listdir('/data/later')))
for path, mode in (('/data/below/deep', 'w'), ('/data/below/null', 'rb')):
    try:
        open(path, mode)
    except OSError as problem:
        print(os.strerror(problem.errno))
";
            let seen = match is_warm {
                true => {
                    let session = ready(&engine, vec![data.clone()]).await;
                    let _later = MountedAt::new(&["-t", "tmpfs", "tmpfs"], &shared.at("later"));
                    fs::write(shared.at("later/new"), "new").unwrap();
                    text(&turn(&session, code).await.stdout)
                }
                false => {
                    text(&once(&engine, code, vec![data.clone()], StartSpec::Exec).await.stdout)
                }
            };
            assert_eq!(seen, "deep 0\nRead-only file system\nPermission denied\n", "{is_warm}");
        }
    });
}

fn a_share_is_what_it_was() {
    let shared = Shared::new("swapped");
    on_engine(WarmConfig::default(), |engine| async move {
        fs::create_dir_all(shared.at("parent/data")).unwrap();
        fs::create_dir(shared.at("secret")).unwrap();
        fs::write(shared.at("parent/data/file"), "right").unwrap();
        fs::write(shared.at("secret/file"), "wrong").unwrap();
        let data = share(shared.at("parent/data"), "/data", Access::ReadWrite);
        let session = ready(&engine, vec![data]).await;
        let look = "open('/data/file').read()";
        // Under another name it is the same still.
        fs::rename(shared.at("parent"), shared.at("moved")).unwrap();
        assert_eq!(value(&turn(&session, look).await), Some("'right'"));
        let stand_ins: [fn(&Shared); 3] = [
            |_| {},
            |shared| {
                fs::create_dir(shared.at("parent")).unwrap();
                symlink(shared.at("secret"), shared.at("parent/data")).unwrap();
            },
            |shared| {
                fs::remove_file(shared.at("parent/data")).unwrap();
                fs::rename(shared.at("secret"), shared.at("parent/data")).unwrap();
            },
        ];
        for stand_in in stand_ins {
            stand_in(&shared);
            assert!(session.restart().await.is_err());
        }
    });
}

fn a_share_that_is_gone_is_an_error() {
    let shared = Shared::new("gone");
    on_engine(without_pool(), |engine| async move {
        let data = share(shared.at("file"), "/data", Access::ReadOnly);
        let first = engine.create_session(with(vec![data.clone()])).await.unwrap();
        assert_eq!(value(&turn(&first, "open('/data').read()").await), Some("'shared'"));
        fs::remove_file(shared.at("file")).unwrap();
        assert!(engine.create_session(with(vec![data])).await.is_err());
        assert_eq!(value(&turn(&first, "open('/data').read()").await), Some("'shared'"));
    });
}

/// Runs a test on a session that has a host path at a place.
fn with_share<T: Future<Output = ()>>(
    source: PathBuf,
    target: &str,
    test: impl FnOnce(Session) -> T,
) {
    let share = ShareSpec { source, target: target.into(), access: Access::ReadWrite };
    on_engine(without_pool(), |engine| async move {
        let policy = PolicySpec { shares: vec![share], ..spec() };
        let request = SessionRequest { policy, ..request() };
        test(engine.create_session(request).await.unwrap()).await;
    });
}

fn links_in_the_way_of_a_share_lead_nowhere() {
    let shared = Shared::new("links");
    with_share(shared.0.clone(), "/workspace/in/share", |session| async move {
        let before = run(&session, "sh", "cat in/share/file; echo x > /proc/self/comm").await;
        assert_eq!(text(&before.stdout), "shared", "{before:?}");
        assert!(text(&before.stderr).contains("Permission denied"), "{before:?}");
        let code =
            "import os\nos.rename('in', 'moved')\nos.mkdir('in')\nos.symlink('/', 'in/share')";
        assert!(turn(&session, code).await.exception.is_none());
        // A rule that followed the link would be one for everything.
        let after = run(&session, "sh", "cat moved/share/file; echo x > /proc/self/comm").await;
        assert_eq!(text(&after.stdout), "shared", "{after:?}");
        assert!(text(&after.stderr).contains("Permission denied"), "{after:?}");
    });
}

fn a_pipe_where_a_share_was_is_not_waited_for() {
    let shared = Shared::new("pipe");
    with_share(shared.0.join("file"), "/workspace/in/file", |session| async move {
        let code = "import os\nos.rename('in', 'moved')\nos.mkdir('in')\nos.mkfifo('in/file')";
        assert!(turn(&session, code).await.exception.is_none());
        session.restart().await.unwrap();
        let look = "import os\nopen('in/file').read(), sorted(os.listdir('.'))";
        let seen = turn(&session, look).await;
        assert_eq!(value(&seen), Some("('shared', ['in', 'moved'])"), "{seen:?}");
    });
}

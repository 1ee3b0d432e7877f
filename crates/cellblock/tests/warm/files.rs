//! Files of a session as a server needs them: streams, conditions, archives, watches.

use std::{io::Write, path::Path, time::Duration};

use api::{FileChangeKind, LimitsSpec};
use engine::{
    ArchiveError, ArchiveFormat, FileKind, Pack, PageRequest, Precondition, Session, SessionError,
    Spool,
};

use crate::fixture::{Tests, on_session, turn, value, with_limits};

pub(crate) const TESTS: Tests = &[
    ("files_are_listed_part_by_part", files_are_listed_part_by_part),
    ("large_files_are_read_piece_by_piece", large_files_are_read_piece_by_piece),
    ("a_file_that_shrinks_is_not_made_up", a_file_that_shrinks_is_not_made_up),
    ("nothing_but_files_is_opened_or_replaced", nothing_but_files_is_opened_or_replaced),
    ("large_files_are_written_and_conditions_kept", large_files_are_written_and_conditions_kept),
    ("writers_of_one_file_do_not_mix", writers_of_one_file_do_not_mix),
    ("files_are_moved_inside_the_workspace", files_are_moved_inside_the_workspace),
    ("a_workspace_goes_out_and_in_as_an_archive", a_workspace_goes_out_and_in_as_an_archive),
    ("archives_write_through_no_link", archives_write_through_no_link),
    ("whoever_watches_is_told", whoever_watches_is_told),
    ("too_much_at_once_is_refused", too_much_at_once_is_refused),
];

const ALL: PageRequest = PageRequest { is_recursive: true, after: None, limit: 1000 };

async fn spooled(session: &Session, bytes: &[u8]) -> Spool {
    let mut spool = session.spool().await.unwrap();
    for chunk in bytes.chunks(100_000) {
        spool.push(chunk.to_vec()).await.unwrap();
    }
    spool
}

async fn drained(mut pack: Pack) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(bytes) = pack.next().await.unwrap() {
        all.extend(bytes);
    }
    all
}

/// A turn that must do what it says.
async fn done(session: &Session, code: &str) {
    let result = turn(session, code).await;
    assert!(result.exception.is_none(), "{:?}", result.exception);
}

fn files_are_listed_part_by_part() {
    on_session(|session| async move {
        let code = "import os\nos.mkdir('d')\n[open(f'd/{n}', 'w').close() for n in range(7)]\n\
                    os.symlink('d', 'l')\nos.mkfifo('p')\nopen('x', 'w').write('12')";
        done(&session, code).await;
        let mut request = PageRequest { limit: 4, ..ALL };
        let mut found = Vec::new();
        loop {
            let page = session.page(Path::new(""), request.clone()).await.unwrap();
            assert!(page.files.len() <= 4 && !page.is_cut);
            found.extend(page.files.into_iter().map(|file| file.path.display().to_string()));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        let all = ["d", "d/0", "d/1", "d/2", "d/3", "d/4", "d/5", "d/6", "l", "p", "x"];
        assert_eq!(found, all);
        let flat = PageRequest { is_recursive: false, ..ALL };
        let page = session.page(Path::new("/workspace"), flat.clone()).await.unwrap();
        let kinds: Vec<_> = page.files.iter().map(|file| file.kind).collect();
        use FileKind::{Directory, File, Other, Symlink};
        assert_eq!(kinds, [Directory, Symlink, Other, File]);
        assert!(session.page(Path::new("l"), flat).await.is_err());
        let stat = session.stat(Path::new("x")).await.unwrap();
        assert_eq!((stat.size_bytes, stat.kind), (2, File));
        assert_eq!(session.stat(Path::new("l")).await.unwrap().kind, Symlink);
        assert!(session.stat(Path::new("l/0")).await.is_err());
        done(&session, "open('x', 'a').write('3')").await;
        assert_ne!(session.stat(Path::new("x")).await.unwrap().version, stat.version);
        let code =
            "import os\nfor n in range(200): os.mkdir('e'); os.chdir('e')\nos.chdir('/workspace')";
        done(&session, code).await;
        assert!(session.page(Path::new(""), ALL).await.unwrap().is_cut);
    });
}

fn large_files_are_read_piece_by_piece() {
    on_session(|session| async move {
        let code = "import os\nf = open('big', 'wb')\nf.truncate(300 << 20)\nf.seek(200 << 20)\n\
                    f.write(b'here')\nf.close()";
        done(&session, code).await;
        assert!(session.read(Path::new("big")).await.is_err());
        let start = 200 << 20;
        let opened = session.open(Path::new("big")).await.unwrap();
        assert_eq!(opened.info.size_bytes, 300 << 20);
        let mut chunks = opened.range(start - 1..start + 4);
        assert_eq!(chunks.bytes_left(), 5);
        assert_eq!(chunks.next().await.unwrap().unwrap(), b"\0here");
        assert_eq!(chunks.next().await.unwrap(), None);
        let opened = session.open(Path::new("big")).await.unwrap();
        let mut chunks = opened.range((300 << 20) - 3..u64::MAX);
        assert_eq!(chunks.next().await.unwrap().unwrap().len(), 3);
        let mut chunks = session.open(Path::new("big")).await.unwrap().chunks();
        let first = chunks.next().await.unwrap().unwrap();
        assert!(first.len() <= 256 << 10, "{}", first.len());
        session.close().await;
        assert!(chunks.next().await.is_err());
    });
}

fn a_file_that_shrinks_is_not_made_up() {
    on_session(|session| async move {
        done(&session, "open('f', 'wb').write(b'x' * 1_000_000)").await;
        let mut chunks = session.open(Path::new("f")).await.unwrap().chunks();
        chunks.next().await.unwrap().unwrap();
        done(&session, "open('f', 'ab').truncate(10)").await;
        assert!(chunks.next().await.is_err());
        let mut chunks = session.open(Path::new("f")).await.unwrap().chunks();
        done(&session, "open('f', 'ab').write(b'y' * 100)").await;
        assert_eq!(chunks.next().await.unwrap().unwrap(), b"xxxxxxxxxx");
        assert_eq!(chunks.next().await.unwrap(), None);
    });
}

fn nothing_but_files_is_opened_or_replaced() {
    on_session(|session| async move {
        let code = "import os, socket\nos.symlink('/etc/passwd', 'link')\nos.mkfifo('pipe')\n\
                    os.symlink('/etc', 'out')\nos.symlink('/proc/self/root', 'magic')\n\
                    os.mkdir('dir')\nopen('dir/kept', 'w').close()\n\
                    s = socket.socket(socket.AF_UNIX)\ns.bind('socket')";
        done(&session, code).await;
        let before = session.list(Path::new("")).await.unwrap();
        for path in ["link", "pipe", "socket", "dir", "out/passwd", "magic/etc/passwd", "magic"] {
            assert!(session.open(Path::new(path)).await.is_err(), "{path}");
            let pack = session.pack(Path::new(path), ArchiveFormat::Tar).await;
            assert_eq!(pack.is_ok(), path == "dir", "{path}");
            drop(pack);
            let spool = spooled(&session, b"mine").await;
            let written = session.write_spooled(Path::new(path), spool, &Precondition::None).await;
            assert!(written.is_err(), "{path}");
            if path != "dir" {
                assert!(session.make_directory(Path::new(path)).await.is_err(), "{path}");
            }
        }
        for path in ["../x", "/etc/x", "", ".", "a\0b", "a/../../x"] {
            let spool = spooled(&session, b"mine").await;
            let written = session.write_spooled(Path::new(path), spool, &Precondition::None).await;
            assert!(written.is_err(), "{path:?}");
        }
        let after = session.list(Path::new("")).await.unwrap();
        let paths = |files: &[engine::FileInfo]| -> Vec<_> {
            files.iter().map(|file| (file.path.clone(), file.kind)).collect()
        };
        assert_eq!(paths(&after), paths(&before));
        for path in ["-rf", "*", "$(x)", "~", "a\nb", " "] {
            let spool = spooled(&session, path.as_bytes()).await;
            let path = Path::new(path);
            session.write_spooled(path, spool, &Precondition::Absent).await.unwrap();
            assert_eq!(session.read(path).await.unwrap(), path.as_os_str().as_encoded_bytes());
            session.delete(path).await.unwrap();
        }
        session.delete(Path::new("out")).await.unwrap();
        assert!(session.read(Path::new("dir/kept")).await.unwrap().is_empty());
    });
}

fn large_files_are_written_and_conditions_kept() {
    let limits = LimitsSpec { workspace_bytes: Some(100 << 20), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        let path = Path::new("new/big");
        let bytes = vec![7; 80 << 20];
        let spool = spooled(&session, &bytes).await;
        let written = session.write_spooled(path, spool, &Precondition::Absent).await.unwrap();
        assert!(written.is_new && written.info.size_bytes == 80 << 20);
        let result = turn(&session, "d = open('new/big', 'rb').read(); len(d), set(d)").await;
        assert_eq!(value(&result), Some("(83886080, {7})"));
        let mut spool = session.spool().await.unwrap();
        assert_eq!(spool.bytes_max(), 100 << 20);
        spool.push(vec![0; 60 << 20]).await.unwrap();
        assert!(spool.push(vec![0; 60 << 20]).await.is_err());
        // It fits by itself, but not beside the other one.
        let full = session.write_spooled(Path::new("more"), spool, &Precondition::None).await;
        assert!(matches!(full, Err(SessionError::File { .. })), "{full:?}");
        let conditions = [
            (Precondition::Absent, false),
            (Precondition::Version(vec!["other".to_owned()]), false),
            (Precondition::Version(vec![written.info.version.clone()]), true),
            (Precondition::Version(vec![written.info.version]), false),
            (Precondition::Present, true),
        ];
        for (condition, expected) in conditions {
            let spool = spooled(&session, b"small").await;
            let result = session.write_spooled(path, spool, &condition).await;
            assert_eq!(result.is_ok(), expected, "{condition:?}: {result:?}");
            if let Err(error) = result {
                assert!(matches!(error, SessionError::Precondition { .. }), "{error:?}");
            }
        }
        assert!(session.delete_if(path, &Precondition::Absent).await.is_err());
        session.delete_if(path, &Precondition::Present).await.unwrap();
        assert!(session.delete_if(path, &Precondition::Present).await.is_err());
        assert_eq!(session.list(Path::new("")).await.unwrap().len(), 1);
    });
}

fn writers_of_one_file_do_not_mix() {
    on_session(|session| async move {
        let write = async |letter: u8| {
            let spool = spooled(&session, &vec![letter; 3_000_000]).await;
            session.write_spooled(Path::new("f"), spool, &Precondition::None).await.unwrap();
        };
        let read = async {
            for _ in 0..20 {
                let Ok(bytes) = session.read(Path::new("f")).await else { continue };
                assert_eq!(bytes.len(), 3_000_000);
                assert!(bytes.iter().all(|byte| *byte == bytes[0]));
            }
        };
        tokio::join!(write(b'a'), write(b'b'), write(b'c'), write(b'd'), read);
        read_is_whole(&session).await;
        assert_eq!(session.list(Path::new("")).await.unwrap().len(), 1);
    });
}

async fn read_is_whole(session: &Session) {
    let bytes = session.read(Path::new("f")).await.unwrap();
    assert!(bytes.len() == 3_000_000 && bytes.iter().all(|byte| *byte == bytes[0]));
}

fn files_are_moved_inside_the_workspace() {
    on_session(|session| async move {
        let made = session.make_directory(Path::new("a/b")).await.unwrap();
        assert!(made.is_new && made.info.kind == FileKind::Directory);
        assert!(!session.make_directory(Path::new("a/b")).await.unwrap().is_new);
        session.write(Path::new("a/f"), b"f".to_vec()).await.unwrap();
        session.write(Path::new("g"), b"g".to_vec()).await.unwrap();
        assert!(session.make_directory(Path::new("g/x")).await.is_err());
        let moved = async |from: &str, to: &str, overwrite| {
            session.rename(Path::new(from), Path::new(to), overwrite).await
        };
        let info = moved("a/f", "-n/ew/f", false).await.unwrap();
        assert_eq!((info.path.to_str(), info.size_bytes), (Some("-n/ew/f"), 1));
        assert!(moved("a/f", "h", false).await.is_err());
        let taken = moved("g", "-n/ew/f", false).await;
        assert!(matches!(taken, Err(SessionError::Precondition { .. })), "{taken:?}");
        moved("g", "-n/ew/f", true).await.unwrap();
        assert_eq!(session.read(Path::new("-n/ew/f")).await.unwrap(), b"g");
        assert!(moved("a", "a/b/c", true).await.is_err());
        assert!(moved("-n", "", true).await.is_err());
        assert!(moved("-n", "../x", true).await.is_err());
        assert!(moved("a", "-n", true).await.is_err(), "there is something in it");
        done(&session, "import os; os.symlink('/etc', 'out'); os.mkfifo('p')").await;
        assert!(moved("out/passwd", "x", true).await.is_err());
        assert!(moved("-n/ew/f", "out/x", true).await.is_err());
        moved("out", "out2", false).await.unwrap();
        assert_eq!(session.stat(Path::new("out2")).await.unwrap().kind, FileKind::Symlink);
    });
}

fn a_workspace_goes_out_and_in_as_an_archive() {
    on_session(|session| async move {
        let code = "import os\nos.makedirs('src/sub/empty')\nopen('src/big', 'wb').write(os.urandom(3 << 20))\n\
                    [open(f'src/sub/{n}', 'w').write(str(n)) for n in range(300)]\n\
                    os.chmod('src/sub/7', 0o755)\nos.mkfifo('src/pipe')\n\
                    open('src/sub/' + 'n' * 200, 'w').write('long')";
        done(&session, code).await;
        for format in [ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::Zip] {
            let bytes = drained(session.pack(Path::new("src"), format).await.unwrap()).await;
            let spool = spooled(&session, &bytes).await;
            let unpacked = session.unpack(Path::new("to/here"), format, spool).await.unwrap();
            assert_eq!((unpacked.files, unpacked.directories), (302, 2), "{format:?}");
            let code = "import subprocess\nos.remove('src/pipe') if os.path.exists('src/pipe') else 0\n\
                        r = subprocess.run(['diff', '-r', 'src', 'to/here'], capture_output=True)\n\
                        m = os.stat('to/here/sub/7')\n\
                        r.stdout, oct(m.st_mode), m.st_uid == os.getuid()";
            let result = turn(&session, code).await;
            assert_eq!(value(&result), Some("(b'', '0o100755', True)"), "{result:?}");
            session.delete(Path::new("to")).await.unwrap();
        }
        let code = "import tarfile, io\nf = open('/workspace/evil.tar', 'wb')\n\
                    t = tarfile.open(fileobj=f, mode='w')\n\
                    [t.addfile(tarfile.TarInfo(n)) for n in ('fine', '../evil')]\nt.close()\nf.close()";
        done(&session, code).await;
        let evil = session.read(Path::new("evil.tar")).await.unwrap();
        let spool = spooled(&session, &evil).await;
        let refused = session.unpack(Path::new("to"), ArchiveFormat::Tar, spool).await.unwrap_err();
        assert!(matches!(refused, SessionError::Archive(ArchiveError::Entry { .. })));
        assert!(refused.body().message.contains("\"../evil\" has `..`"), "{refused:?}");
        assert!(session.stat(Path::new("to")).await.is_err(), "nothing is written");
    });
}

fn archives_write_through_no_link() {
    on_session(|session| async move {
        let code = "import os\nos.makedirs('/tmp/outside')\nos.symlink('/tmp/outside', 'd')\n\
                    open('/tmp/canary', 'w').write('as it was')\nos.symlink('/tmp/canary', 'f')";
        done(&session, code).await;
        let mut tar = Vec::new();
        for name in [b"d/x".as_slice(), b"f"] {
            let mut header = [0_u8; 512];
            header[..name.len()].copy_from_slice(name);
            header[100..107].copy_from_slice(b"0000644");
            header[124..135].copy_from_slice(b"00000000004");
            header[156] = b'0';
            header[148..156].copy_from_slice(b"        ");
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            write!(&mut header[148..155], "{sum:06o}\0").unwrap();
            tar.extend(header);
            tar.extend([b'x'; 4]);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.resize(tar.len() + 1024, 0);
        let spool = spooled(&session, &tar).await;
        assert!(session.unpack(Path::new(""), ArchiveFormat::Tar, spool).await.is_err());
        // The file takes the link's place, where only that is in the way.
        let spool = spooled(&session, &tar[1024..]).await;
        session.unpack(Path::new(""), ArchiveFormat::Tar, spool).await.unwrap();
        let code = "os.listdir('/tmp/outside'), open('/tmp/canary').read(), open('f').read()";
        assert_eq!(value(&turn(&session, code).await), Some("([], 'as it was', 'xxxx')"));
        let spool = spooled(&session, &tar[1024..]).await;
        assert!(session.unpack(Path::new("d"), ArchiveFormat::Tar, spool).await.is_err());
    });
}

fn whoever_watches_is_told() {
    on_session(|session| async move {
        session.write(Path::new("old"), b"x".to_vec()).await.unwrap();
        let mut watch = session.watch().await.unwrap();
        done(
            &session,
            "import os\nos.mkdir('d')\nopen('d/new', 'w').write('12')\nos.remove('old')",
        )
        .await;
        let event = watch.next().await.unwrap();
        assert_eq!((event.path.as_str(), event.change), ("d/new", FileChangeKind::Created));
        assert_eq!(event.size_bytes, Some(2));
        let event = watch.next().await.unwrap();
        assert_eq!((event.path.as_str(), event.change), ("old", FileChangeKind::Deleted));
        assert!(tokio::time::timeout(Duration::from_millis(600), watch.next()).await.is_err());
        session.write(Path::new("d/new"), b"123".to_vec()).await.unwrap();
        let event = watch.next().await.unwrap();
        assert_eq!((event.path.as_str(), event.change), ("d/new", FileChangeKind::Changed));
        session.close().await;
        assert_eq!(watch.next().await, None);
    });
}

fn too_much_at_once_is_refused() {
    on_session(|session| async move {
        let mut watches = Vec::new();
        let refused = loop {
            match session.watch().await {
                Ok(watch) => watches.push(watch),
                Err(error) => break error,
            }
            assert!(watches.len() < 100);
        };
        assert!(refused.body().retryable, "{refused:?}");
        watches.clear();
        assert!(session.watch().await.is_ok());
        let mut spools = Vec::new();
        while let Ok(spool) = session.spool().await {
            spools.push(spool);
            assert!(spools.len() < 100);
        }
        let refused = session.pack(Path::new(""), ArchiveFormat::Zip).await.err().unwrap();
        assert!(matches!(refused, SessionError::TooManyTransfers { .. }), "{refused:?}");
        drop(spools);
        assert!(session.spool().await.is_ok());
    });
}

//! Files of a session: written, read, edited, watched.

use std::path::Path;

use api::FileChangeKind;
use engine::{FileKind, SessionError};

use crate::fixture::{Tests, on_session, text, turn, value};

pub(crate) const TESTS: Tests = &[
    ("files_go_in_and_out", files_go_in_and_out),
    ("texts_are_edited_and_edits_taken_back", texts_are_edited_and_edits_taken_back),
    ("what_a_turn_does_to_files_is_told", what_a_turn_does_to_files_is_told),
    ("nothing_leads_out_of_the_workspace", nothing_leads_out_of_the_workspace),
    ("no_lease_keeps_readers_waiting", no_lease_keeps_readers_waiting),
];

fn files_go_in_and_out() {
    on_session(|session| async move {
        let path = Path::new("deep/er/data.bin");
        session.write(path, vec![0, 1, 255]).await.unwrap();
        session.write(path, vec![7; 70_000]).await.unwrap();
        assert_eq!(session.read(path).await.unwrap(), vec![7; 70_000]);
        let inside = turn(&session, "open('deep/er/data.bin', 'ab').write(b'!')").await;
        assert_eq!(value(&inside), Some("1"), "{inside:?}");
        assert_eq!(
            session.read(Path::new("/workspace/deep/er/data.bin")).await.unwrap().len(),
            70_001
        );
        let listed = session.list(Path::new("")).await.unwrap();
        let short: Vec<_> = listed.iter().map(|f| (f.path.to_str().unwrap(), f.kind)).collect();
        let expected = [
            ("deep", FileKind::Directory),
            ("deep/er", FileKind::Directory),
            ("deep/er/data.bin", FileKind::File),
        ];
        assert_eq!(short, expected);
        session.delete(Path::new("deep")).await.unwrap();
        assert!(session.list(Path::new(".")).await.unwrap().is_empty());
        let missing = session.read(path).await.unwrap_err();
        assert_eq!(missing.body().code, api::ErrorCode::FileNotFound);
    });
}

fn texts_are_edited_and_edits_taken_back() {
    on_session(|session| async move {
        let path = Path::new("notes.txt");
        session.create(path, "one\ntwo\nthree\n").await.unwrap();
        assert!(session.create(path, "again").await.is_err());
        session.replace(path, "two", "2").await.unwrap();
        assert!(matches!(session.replace(path, "e", "x").await, Err(SessionError::Edit { .. })));
        session.insert(path, 0, "zero").await.unwrap();
        let view = session.view(path, Some((2, 3))).await.unwrap();
        assert_eq!(
            (view.lines.join("|").as_str(), view.first_line, view.lines_total),
            ("one|2", 2, 4)
        );
        session.undo(path).await.unwrap();
        session.undo(path).await.unwrap();
        assert_eq!(session.read(path).await.unwrap(), b"one\ntwo\nthree\n");
        session.undo(path).await.unwrap();
        assert!(session.read(path).await.is_err());
        assert!(matches!(session.undo(path).await, Err(SessionError::NothingToUndo { .. })));
    });
}

fn what_a_turn_does_to_files_is_told() {
    on_session(|session| async move {
        session.write(Path::new("before.txt"), b"x".to_vec()).await.unwrap();
        session.write(Path::new("same.txt"), b"x".to_vec()).await.unwrap();
        let code = "import os\nos.mkdir('out')\nopen('out/plot.png', 'wb').write(b'abc')\n\
                    open('before.txt', 'a').write('y')";
        let result = turn(&session, code).await;
        let short: Vec<_> =
            result.files.iter().map(|f| (f.path.as_str(), f.change, f.size_bytes)).collect();
        let expected = [
            ("before.txt", FileChangeKind::Changed, Some(2)),
            ("out/plot.png", FileChangeKind::Created, Some(3)),
        ];
        assert_eq!(short, expected);
        assert_eq!(result.files[1].mime.as_deref(), Some("image/png"));
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(result.files[1].sha256.as_deref(), Some(known));
        let result = turn(&session, "import os; os.remove('before.txt'); os._exit(0)").await;
        assert_eq!(result.files.len(), 1, "{result:?}");
        assert_eq!(result.files[0].change, FileChangeKind::Deleted);
        assert!(turn(&session, "1").await.files.is_empty());
    });
}

fn nothing_leads_out_of_the_workspace() {
    on_session(|session| async move {
        let code = "import os\nos.symlink('/etc/passwd', 'link')\nos.symlink('/etc', 'dir')\n\
                    os.mkfifo('pipe')\nos.mkdir('real')\nos.symlink('../real', 'real/loop')";
        assert!(turn(&session, code).await.exception.is_none());
        for path in
            ["link", "dir/passwd", "pipe", "../etc/passwd", "/etc/passwd", "real/loop/x", "real"]
        {
            assert!(session.read(Path::new(path)).await.is_err(), "{path}");
        }
        assert!(session.write(Path::new("../x"), Vec::new()).await.is_err());
        assert!(session.delete(Path::new("")).await.is_err());
        assert_eq!(session.list(Path::new("")).await.unwrap().len(), 5);
    });
}

fn no_lease_keeps_readers_waiting() {
    on_session(|session| async move {
        let code = "import fcntl, os\nheld = os.open('held', os.O_RDWR | os.O_CREAT)\n\
                    try: fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
                    except PermissionError: print('refused')";
        assert_eq!(text(&turn(&session, code).await.stdout), "refused\n");
        assert!(session.read(Path::new("held")).await.unwrap().is_empty());
    });
}

//! Shares that stand in what programs may change, and what programs make of that.

use std::{fs, future::Future, path::PathBuf};

use api::{Access, PolicySpec, ShareSpec};
use engine::{Session, SessionRequest};

use crate::fixture::{Tests, on_engine, request, run, spec, text, turn, value, without_pool};

pub(crate) const TESTS: Tests = &[
    ("links_in_the_way_of_a_share_lead_nowhere", links_in_the_way_of_a_share_lead_nowhere),
    ("a_pipe_where_a_share_was_is_not_waited_for", a_pipe_where_a_share_was_is_not_waited_for),
];

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

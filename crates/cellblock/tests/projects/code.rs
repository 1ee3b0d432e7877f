//! Repositories, also such as nobody should trust.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    process::{Child, Command, Stdio},
};

use project::{GitError, LogPage, NewProjectSpec, ProjectError};

use crate::fixture::{House, TENANT, Tests, git, in_house, model, succeeded};

pub(crate) const TESTS: Tests = &[
    ("code::branches_and_commits_are_found", branches_and_commits_are_found),
    ("code::a_bare_repository_is_as_good", a_bare_repository_is_as_good),
    ("code::history_and_differences", history_and_differences),
    (
        "code::nothing_that_a_repository_asks_for_is_done",
        nothing_that_a_repository_asks_for_is_done,
    ),
    ("code::trees_that_lead_elsewhere", trees_that_lead_elsewhere),
    ("code::trees_made_by_hand_are_refused", trees_made_by_hand_are_refused),
    ("code::broken_objects_are_an_error", broken_objects_are_an_error),
    ("code::trees_are_bounded", trees_are_bounded),
    ("code::a_repository_is_fetched", a_repository_is_fetched),
    ("code::sources_are_checked_when_they_are_registered", sources_are_checked),
];

async fn names(house: &House, commit: &str) -> Vec<String> {
    let project = house.projects.show(TENANT, "p").await.unwrap();
    let (files, is_cut) = house.projects.files(TENANT, &project, (commit, ""), true).await.unwrap();
    assert!(!is_cut);
    files.into_iter().map(|file| file.path).collect()
}

async fn read(house: &House, commit: &str, path: &str) -> Result<Vec<u8>, ProjectError> {
    let project = house.projects.show(TENANT, "p").await.unwrap();
    house.projects.read_file(TENANT, &project, commit, path).await
}

fn branches_and_commits_are_found() {
    in_house(1, |house| async move {
        let first = house.commit(&[("run.py", "1"), ("model/a.py", "2")]);
        git(&house.repository, &["branch", "side"]);
        let second = house.commit(&[("run.py", "3")]);
        let project = house.register("p").await;
        assert_eq!(project.default_branch, "main");
        let refs = house.projects.refs(TENANT, "p").await.unwrap();
        assert_eq!(refs.commit_of("main"), Some(second.as_str()));
        assert_eq!(refs.commit_of("side"), Some(first.as_str()));
        let projects = &house.projects;
        for (branch, commit, found) in [
            (None, None, &second),
            (Some("side"), None, &first),
            (None, Some(&first[..7]), &first),
            (None, Some(first.as_str()), &first),
        ] {
            let commit = projects.commit(TENANT, &project, branch, commit).await.unwrap();
            assert_eq!(&commit, found);
        }
        for (branch, commit) in [
            (Some("none"), None),
            (Some("--upload-pack=x"), None),
            (None, Some("abcdef1")),
            (None, Some("main")),
            (None, Some("--all")),
            (None, Some("HEAD")),
        ] {
            assert!(projects.commit(TENANT, &project, branch, commit).await.is_err());
        }
        assert_eq!(names(&house, &first).await, ["model", "model/a.py", "run.py"]);
        assert_eq!(read(&house, &first, "run.py").await.unwrap(), b"1");
        assert_eq!(read(&house, &second, "run.py").await.unwrap(), b"3");
        for path in [".git/HEAD", "../records.sqlite", "/etc/passwd", "none"] {
            assert!(read(&house, &first, path).await.is_err(), "{path}");
        }
        // Others' projects are not there.
        assert!(house.projects.show("others", "p").await.is_err());
        // Twice the same name is once too often.
        assert!(house.projects.add(TENANT, &house.spec("p")).await.is_err());
    });
}

fn a_bare_repository_is_as_good() {
    in_house(1, |house| async move {
        let commit = house.commit(&[("run.py", "1")]);
        git(&house.scratch.0, &["clone", "--quiet", "--bare", "repository", "bare.git"]);
        let repository = house.scratch.0.join("bare.git").display().to_string();
        let spec = NewProjectSpec { repository, ..house.spec("p") };
        house.projects.add(TENANT, &spec).await.unwrap();
        assert_eq!(names(&house, &commit).await, ["run.py"]);
    });
}

fn history_and_differences() {
    in_house(1, |house| async move {
        let first = house.commit(&[("a.txt", "one\n")]);
        let second = house.commit(&[("b.txt", "two\n")]);
        let third = house.commit(&[("a.txt", "three\n")]);
        let project = house.register("p").await;
        let projects = &house.projects;
        let page = LogPage { path: "", skip: 0, count: 20 };
        let log = projects.versions(TENANT, &project, &third, &page).await.unwrap();
        let found: Vec<_> = log.iter().map(|version| version.commit.clone()).collect();
        assert_eq!(found, [third.clone(), second.clone(), first.clone()]);
        assert_eq!((log[0].author.as_str(), log[0].message.as_str()), ("Me", "More"));
        let page = LogPage { path: "a.txt", skip: 1, count: 1 };
        let log = projects.versions(TENANT, &project, &third, &page).await.unwrap();
        assert_eq!(log[0].commit, first);
        let pair = (first.as_str(), third.as_str());
        let diff = projects.diff(TENANT, &project, pair, "").await.unwrap();
        assert!(diff.text.contains("+three") && diff.text.contains("+two"), "{}", diff.text);
        let diff = projects.diff(TENANT, &project, pair, "b.txt").await.unwrap();
        assert!(!diff.text.contains("three") && !diff.is_cut);
        let none = projects.diff(TENANT, &project, (&first, &"0".repeat(40)), "").await;
        assert!(none.is_err());
    });
}

/// Writes a script into the repository that spoils whatever starts it; gives its path as
/// it is seen inside.
fn trap(house: &House) -> String {
    let place = house.scratch.write("repository/.git/evil.sh", "#!/bin/sh\nkill -9 $PPID\n");
    Command::new("chmod").arg("0755").arg(&place).status().unwrap();
    "/source/.git/evil.sh".to_owned()
}

fn nothing_that_a_repository_asks_for_is_done() {
    in_house(1, |house| async move {
        let commit = house.commit(&[
            (".gitattributes", "*.py filter=evil diff=evil text eol=crlf ident\nversion.txt export-subst\nsecret.txt export-ignore\n"),
            (".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c 'touch /tmp/caught'\n"),
            ("run.py", "result = {'line': open('/repo/version.txt').read()}\n# $Id$\n"),
            ("version.txt", "$Format:%H$\n"),
            ("secret.txt", "kept\n"),
        ]);
        let script = trap(&house);
        let hooks = house.repository.join(".git/hooks");
        fs::create_dir_all(&hooks).unwrap();
        for hook in ["post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"] {
            fs::copy(house.repository.join(".git/evil.sh"), hooks.join(hook)).unwrap();
        }
        let config = format!(
            "[core]\n\tfsmonitor = {script}\n\thooksPath = {}\n\tpager = {script}\n\tsshCommand = {script}\n\
             \tgitProxy = {script}\n\talternateRefsCommand = {script}\n\
             [filter \"evil\"]\n\tsmudge = {script}\n\tclean = {script}\n\tprocess = {script}\n\trequired = true\n\
             [diff \"evil\"]\n\ttextconv = {script}\n\tcommand = {script}\n[diff]\n\texternal = {script}\n\
             [tar \"tar\"]\n\tcommand = {script}\n[tar \"tar.gz\"]\n\tcommand = {script}\n\
             [uploadpack]\n\tpackObjectsHook = {script}\n[credential]\n\thelper = !{script}\n\
             [gpg]\n\tprogram = {script}\n[log]\n\tshowSignature = true\n",
            "/source/.git/hooks"
        );
        let place = house.repository.join(".git/config");
        let before = fs::read_to_string(&place).unwrap();
        fs::write(&place, format!("{before}{config}")).unwrap();
        let project = house.register("p").await;
        let subject = read(&house, &commit, "version.txt").await.unwrap();
        assert_eq!(subject, b"$Format:%H$\n");
        assert_eq!(read(&house, &commit, "secret.txt").await.unwrap(), b"kept\n");
        let run = read(&house, &commit, "run.py").await.unwrap();
        assert!(run.ends_with(b"# $Id$\n") && !run.contains(&b'\r'));
        let page = LogPage { path: "", skip: 0, count: 5 };
        let log = house.projects.versions(TENANT, &project, &commit, &page).await.unwrap();
        assert_eq!(log.len(), 1);
        let pair = (commit.as_str(), commit.as_str());
        house.projects.diff(TENANT, &project, pair, "").await.unwrap();
        house.projects.commit(TENANT, &project, None, Some(&commit[..8])).await.unwrap();
        assert!(!names(&house, &commit).await.iter().any(|name| name.contains(".git/")));
    });
}

fn trees_that_lead_elsewhere() {
    in_house(1, |house| async move {
        let canary = house.scratch.write("canary.txt", "the host's");
        house.commit(&[
            ("d/a.txt", "inside"),
            (
                "model/m.py",
                concat!(
                    "import os\n",
                    "names = ['in', 'out', 'absolute', 'chain']\n",
                    "result = {name: os.path.lexists('/repo/' + name) for name in names}\n",
                    "result['text'] = open('/repo/in').read()\n",
                ),
            ),
        ]);
        let link = |to: &str, name: &str| symlink(to, house.repository.join(name)).unwrap();
        link("d/a.txt", "in");
        link("../../../../../../../../etc/passwd", "out");
        link(canary.to_str().unwrap(), "absolute");
        link("d/../../canary.txt", "chain");
        let odd = "odd $(touch x) name;.txt";
        let commit = house.commit(&[(odd, "odd")]);
        house.register("p").await;
        let names = names(&house, &commit).await;
        assert!(names.contains(&"in".to_owned()) && names.contains(&odd.to_owned()), "{names:?}");
        for gone in ["out", "absolute", "chain"] {
            assert!(!names.contains(&gone.to_owned()), "{gone}");
        }
        // On the host no link is followed, not even one that stays inside.
        assert!(read(&house, &commit, "in").await.is_err());
        let record = house.run(&model("p", "m")).await;
        succeeded(&record);
        let result = record.result.unwrap();
        let expected = serde_json::json!({
            "in": true, "out": false, "absolute": false, "chain": false, "text": "inside"
        });
        assert_eq!(result, expected);
    });
}

/// Makes a commit of a tree that git itself would not make.
fn forged(house: &House, entry: &str) -> String {
    house.scratch.write("repository/blob", "evil");
    let blob = git(&house.repository, &["hash-object", "-w", "blob"]);
    let mut tree = format!("100644 {entry}\0").into_bytes();
    let digits: Vec<u8> = (0..20)
        .map(|place| u8::from_str_radix(&blob[place * 2..place * 2 + 2], 16).unwrap())
        .collect();
    tree.extend(digits);
    let file = house.scratch.write("repository/tree", tree);
    let args = ["hash-object", "-w", "-t", "tree", "--literally", file.to_str().unwrap()];
    let tree = git(&house.repository, &args);
    git(&house.repository, &["commit-tree", &tree, "-m", "forged"])
}

fn trees_made_by_hand_are_refused() {
    in_house(1, |house| async move {
        house.commit(&[("run.py", "1")]);
        house.register("p").await;
        for entry in ["..", ".git", ".GIT", "../x", "a\\b", "/etc/x"] {
            let commit = forged(&house, entry);
            let project = house.projects.show(TENANT, "p").await.unwrap();
            let got = house.projects.files(TENANT, &project, (&commit, ""), true).await;
            assert!(got.is_err(), "{entry}: {got:?}");
        }
        assert!(!house.scratch.0.join("cache/trees/x").exists());
    });
}

fn broken_objects_are_an_error() {
    in_house(1, |house| async move {
        let commit = house.commit(&[("run.py", "print('a text of some length')")]);
        house.register("p").await;
        let blob = git(&house.repository, &["rev-parse", "HEAD:run.py"]);
        let place = house.repository.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
        let _ = fs::remove_file(&place);
        fs::write(&place, b"x\x9cnonsense").unwrap();
        let error = read(&house, &commit, "run.py").await.unwrap_err();
        assert!(matches!(error, ProjectError::Git(GitError::Failed { .. })), "{error:?}");
        assert!(error.body().message.contains("git failed"), "{:?}", error.body());
    });
}

fn trees_are_bounded() {
    in_house(1, |house| async move {
        let commit = house.commit(&[("run.py", "1"), ("large.bin", &"x".repeat(3 << 20))]);
        house.register("p").await;
        let small = house.another(|settings| {
            settings.tree_bytes_max = 1 << 20;
            settings.tree_entries_max = 10;
        });
        let project = small.show(TENANT, "p").await.unwrap();
        let error = small.files(TENANT, &project, (&commit, ""), true).await.unwrap_err();
        assert_eq!(error.body().code, api::ErrorCode::TooLarge, "{error:?}");
        let many: Vec<String> = (0..20).map(|number| format!("many/{number}")).collect();
        let files: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
        fs::remove_file(house.repository.join("large.bin")).unwrap();
        let commit = house.commit(&files);
        assert!(small.files(TENANT, &project, (&commit, ""), true).await.is_err());
        let left = fs::read_dir(house.scratch.0.join("cache/trees")).unwrap().count();
        assert_eq!(left, 0, "nothing of it is kept");
    });
}

/// A server of git's own protocol on loopback; it ends with this.
struct Server(Child);

impl Server {
    fn start(house: &House) -> (Self, String) {
        let script = concat!(
            "#!/bin/sh\nexport GIT_HTTP_EXPORT_ALL=1 GIT_PROJECT_ROOT=\"$PWD/served\"\n",
            "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'\n",
            "exec git http-backend\n",
        );
        let place = house.scratch.write("cgi-bin/git", script);
        Command::new("chmod").arg("0755").arg(&place).status().unwrap();
        let serve = concat!(
            "import http.server\n",
            "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.CGIHTTPRequestHandler)\n",
            "print(server.server_port, flush=True)\n",
            "server.serve_forever()\n",
        );
        let mut server = Command::new("python3")
            .args(["-c", serve])
            .current_dir(&house.scratch.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
        (Self(server), format!("http://127.0.0.1:{}/cgi-bin/git", port.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn a_repository_is_fetched() {
    in_house(1, |house| async move {
        let first = house.commit(&[("run.py", "1"), ("a.txt", "one")]);
        let second = house.commit(&[("run.py", "2")]);
        git(&house.scratch.0, &["clone", "--quiet", "--bare", "repository", "served/p.git"]);
        let (_server, address) = Server::start(&house);
        let projects = house.connected();
        let repository = format!("{address}/p.git");
        let spec = NewProjectSpec { repository, ..house.spec("p") };
        let project = projects.add(TENANT, &spec).await.unwrap();
        assert_eq!(project.default_branch, "main");
        let found = projects.commit(TENANT, &project, None, None).await.unwrap();
        assert_eq!(found, second);
        let found = projects.commit(TENANT, &project, None, Some(&first[..8])).await.unwrap();
        assert_eq!(found, first);
        for (commit, text) in [(&first, b"1"), (&second, b"2")] {
            let read = projects.read_file(TENANT, &project, commit, "run.py").await.unwrap();
            assert_eq!(read, text);
        }
        let page = LogPage { path: "a.txt", skip: 0, count: 5 };
        let log = projects.versions(TENANT, &project, &second, &page).await.unwrap();
        assert_eq!(log[0].commit, first);
        let diff = projects.diff(TENANT, &project, (&first, &second), "").await.unwrap();
        assert!(diff.text.contains("+2"), "{}", diff.text);
        // Nobody listens there.
        let repository = "http://127.0.0.1:1/p.git".to_owned();
        let spec = NewProjectSpec { repository, ..house.spec("q") };
        let error = projects.add(TENANT, &spec).await.unwrap_err();
        assert!(matches!(error, ProjectError::Git(GitError::Failed { .. })), "{error:?}");
    });
}

fn sources_are_checked() {
    in_house(1, |house| async move {
        house.commit(&[("run.py", "1")]);
        let add = async |repository: &str| {
            let spec = NewProjectSpec { repository: repository.to_owned(), ..house.spec("p") };
            house.projects.add(TENANT, &spec).await.unwrap_err().body()
        };
        let body = add("https://me:secret@example.org/a.git").await;
        assert!(body.hint.unwrap().contains("no credential is stored"));
        assert!(!body.message.contains("secret"));
        let body = add("https://example.org/a.git").await;
        assert_eq!(body.code, api::ErrorCode::PolicyRefused);
        assert!(body.hint.unwrap().contains("allow full network"));
        assert_eq!(add("/etc").await.code, api::ErrorCode::PolicyRefused);
        let empty = house.scratch.0.display().to_string();
        assert_eq!(add(&empty).await.code, api::ErrorCode::FileNotFound);
        let link = house.scratch.0.join("link");
        symlink("/etc", &link).unwrap();
        assert_eq!(add(link.to_str().unwrap()).await.code, api::ErrorCode::PolicyRefused);
    });
}

//! Runs: pipelines, failures, what they leave, and what is made of it.

use api::{ErrorCode, Outcome, RunScope, RunStatus};
use engine::Cancel;
use serde_json::json;

use crate::fixture::{House, TENANT, Tests, in_house, model, shown, succeeded, whole};

pub(crate) const TESTS: Tests = &[
    ("runs::a_pipeline_hands_results_on", a_pipeline_hands_results_on),
    ("runs::a_run_sees_what_it_is_told_and_no_more", a_run_sees_what_it_is_told_and_no_more),
    ("runs::failures_are_told_as_they_are", failures_are_told_as_they_are),
    ("runs::what_was_written_outlives_every_end", what_was_written_outlives_every_end),
    ("runs::a_full_workspace_is_no_failure", a_full_workspace_is_no_failure),
    ("runs::names_are_what_they_say", names_are_what_they_say),
    ("runs::a_result_that_is_not_kept_is_told", a_result_that_is_not_kept_is_told),
    ("runs::a_record_has_the_digest_of_its_code", a_record_has_the_digest_of_its_code),
    ("runs::outputs_are_bounded_and_plain", outputs_are_bounded_and_plain),
    ("runs::a_model_that_forges_the_parcel", a_model_that_forges_the_parcel),
    ("runs::long_output_is_kept_apart", long_output_is_kept_apart),
    ("runs::runs_are_compared_and_repeated", runs_are_compared_and_repeated),
];

async fn registered(files: &[(&str, &str)], house: &House) {
    house.commit(files);
    house.register("p").await;
}

fn a_pipeline_hands_results_on() {
    in_house(1, |house| async move {
        registered(
            &[
                ("run.py", "PIPELINE = ['one', 'two']\nraise SystemExit('it is not run')"),
                ("model/one.py", "import helper\nresult = {'x': helper.X}\nprint('one')"),
                ("model/helper.py", "X = 20"),
                (
                    "model/two.py",
                    concat!(
                        "import json\n",
                        "x = json.load(open('/upstream/one/outputs.json'))['x']\n",
                        "outputs = {'y': x * 2 + 2}\n",
                        "json.dump(outputs, open('/outputs/two.json', 'w'))\n",
                    ),
                ),
            ],
            &house,
        )
        .await;
        let record = house.run(&whole("p")).await;
        succeeded(&record);
        assert_eq!(record.result, Some(json!({"one": {"x": 20}, "two": {"y": 42}})));
        assert_eq!((record.stdout.head.as_str(), record.exit_code), ("one\n", Some(0)));
        assert_eq!((record.number, record.requested_by.as_str()), (Some(1), "tester"));
        let outputs = house.projects.outputs(&record).await.unwrap();
        assert_eq!(outputs["two.json"].json, Some(json!({"y": 42})));
        let (kind, bytes) = house.projects.output(&record, "two.json").await.unwrap();
        assert_eq!((kind.as_str(), bytes.as_slice()), ("application/json", &b"{\"y\": 42}"[..]));
        assert!(house.projects.output(&record, "none").await.is_err());
        let found = house.projects.get(TENANT, &record.run_id.to_string()[..13]).await.unwrap();
        assert_eq!(found.run_id, record.run_id);
        assert!(house.projects.get("others", &record.run_id.to_string()).await.is_err());
        let events = house.projects.events(TENANT, record.run_id, 0, 100).await.unwrap();
        let heard: String =
            events.iter().filter(|e| e.kind == "stdout").map(|e| e.data.as_str()).collect();
        assert_eq!(heard, "one\n");
    });
}

fn a_run_sees_what_it_is_told_and_no_more() {
    in_house(1, |house| async move {
        let text = concat!(
            "import json, os\n",
            "def refused(path):\n",
            "    try:\n        open(path, 'w').close()\n",
            "    except OSError as error:\n        return error.errno\n",
            "result = {\n",
            "    'vars': {k: v for k, v in os.environ.items() if k.startswith(('SANDBOX', 'BT_'))},\n",
            "    'parameters': json.load(open('/inputs/parameters.json')),\n",
            "    'repo': refused('/repo/x'), 'inputs': refused('/inputs/parameters.json'),\n",
            "    'root': refused('/x'), 'outputs': refused('/outputs/x'),\n",
            "    'upstream': refused('/upstream/x'), 'tmp': refused('/tmp/x'),\n",
            "    'git': os.path.exists('/repo/.git'), 'cwd': os.getcwd(),\n",
            "}\n",
        );
        registered(&[("model/looks.py", text)], &house).await;
        let mut request = model("p", "looks");
        request.parameters = Some(json!({}));
        let record = house.run(&request).await;
        succeeded(&record);
        let result = record.result.unwrap();
        assert_eq!(
            result["vars"],
            json!({
                "SANDBOX_REPO_PATH": "/repo", "SANDBOX_OUTPUT_PATH": "/outputs",
                "SANDBOX_DATA_PATH": "/data", "SANDBOX_UPSTREAM_PATH": "/upstream",
                "BT_RUN_ID": record.run_id.to_string(),
            })
        );
        assert_eq!(result["parameters"], json!({}));
        for place in ["repo", "inputs", "root"] {
            assert!(result[place].is_number(), "{place}: {result}");
        }
        for place in ["outputs", "upstream", "tmp"] {
            assert!(result[place].is_null(), "{place}: {result}");
        }
        assert_eq!((&result["git"], &result["cwd"]), (&json!(false), &json!("/repo")));
        request.parameters = Some(json!([1]));
        assert!(house.projects.start(TENANT, "tester", &request).await.is_err());
        for name in ["../x", "a-b", "", "1"] {
            let error =
                house.projects.start(TENANT, "tester", &model("p", name)).await.unwrap_err();
            assert_eq!(error.body().code, ErrorCode::InvalidRequest, "{name}");
        }
    });
}

fn failures_are_told_as_they_are() {
    in_house(2, |house| async move {
        registered(
            &[
                ("run.py", "PIPELINE = ['bad', 'good']"),
                (
                    "model/bad.py",
                    "import sys\nopen('/outputs/a.txt', 'w').write('left')\nsys.exit(3)",
                ),
                ("model/good.py", "print('never')"),
                ("model/slow.py", "import time\nprint('begun', flush=True)\ntime.sleep(600)"),
                ("model/killed.py", "import os\nos.kill(os.getpid(), 9)"),
            ],
            &house,
        )
        .await;
        let record = house.run(&whole("p")).await;
        let told = (record.status, record.exit_code);
        assert_eq!(told, (RunStatus::Failed, Some(3)), "{}", shown(&record));
        assert_eq!(record.artifacts[0].name, "a.txt");
        assert!(!record.stdout.head.contains("never"));
        let record = house.run(&model("p", "killed")).await;
        let told = (record.status, record.outcome);
        assert_eq!(told, (RunStatus::Failed, Some(Outcome::Signaled { signal: 9 })));
        let record = house.run(&model("p", "none")).await;
        assert_eq!((record.status, record.exit_code), (RunStatus::Failed, Some(2)));
        assert!(record.stderr.head.contains("no model/none.py"), "{}", shown(&record));
        let mut slow = model("p", "slow");
        slow.wall_time_ms = Some(3000);
        let record = house.run(&slow).await;
        assert_eq!(record.status, RunStatus::TimedOut, "{}", shown(&record));
        assert!(matches!(record.outcome, Some(Outcome::TimedOut { .. })));
        assert_eq!(record.stdout.head, "begun\n");
    });
}

/// Writes what a run leaves, a trap of each kind among it, and then `END` happens.
const WRITES: &str = concat!(
    "import os, time\n",
    "os.makedirs('/outputs/part')\n",
    "open('/outputs/part/a.csv', 'w').write('a,b')\n",
    "open('/outputs/b.json', 'w').write('{\"b\": 1}')\n",
    "os.chmod('/outputs/b.json', 0o600)\n",
    "os.symlink('/etc/passwd', '/outputs/link')\n",
    "os.symlink('/etc', '/outputs/part/etc')\n",
    "os.mkfifo('/outputs/pipe')\n",
    "open('/outputs/huge', 'wb').truncate(64 << 20)\n",
    "deep = '/outputs/deep'\n",
    "os.makedirs(deep)\n",
    "for _ in range(200):\n    deep += '/d'\n    os.mkdir(deep)\n",
    "print('written', flush=True)\n",
    "END\n",
);

fn what_was_written_outlives_every_end() {
    in_house(2, |house| async move {
        let ends = [
            ("sleeps", "time.sleep(600)"),
            ("eats", "x = []\nwhile True: x.append(bytearray(b'x' * (8 << 20)))"),
            ("raises", "raise ValueError('no')"),
            ("kills", "os.kill(os.getppid(), 9)\ntime.sleep(600)"),
        ];
        let text = |end: &str| WRITES.replace("END", end);
        let mut files: Vec<_> =
            ends.iter().map(|(name, end)| (format!("model/{name}.py"), text(end))).collect();
        files.push(("run.py".to_owned(), "PIPELINE = ['first', 'sleeps']".to_owned()));
        files.push(("model/first.py".to_owned(), "result = {'x': 1}".to_owned()));
        let files: Vec<_> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        registered(&files, &house).await;
        let mut timed = whole("p");
        timed.wall_time_ms = Some(4000);
        let timed = house.run(&timed).await;
        assert_eq!(timed.status, RunStatus::TimedOut, "{}", shown(&timed));
        assert_eq!(timed.result, Some(json!({"first": {"x": 1}})));
        let raised = house.run(&model("p", "raises")).await;
        assert_eq!(raised.exit_code, Some(1), "{}", shown(&raised));
        let killed = house.run(&model("p", "kills")).await;
        assert_eq!(killed.status, RunStatus::Failed, "{}", shown(&killed));
        let cancelled = cancelled_once_written(&house).await;
        assert_eq!(cancelled.status, RunStatus::Cancelled, "{}", shown(&cancelled));
        let mut all = vec![timed, raised, killed, cancelled];
        let is_bounded = std::env::var_os("CELLBLOCK_ALLOW_MISSING").is_none();
        if is_bounded {
            let eaten = house.run(&model("p", "eats")).await;
            assert_eq!(eaten.outcome, Some(Outcome::OutOfMemory), "{}", shown(&eaten));
            all.push(eaten);
        }
        for record in all {
            let mut names: Vec<_> = record.artifacts.iter().map(|a| a.name.as_str()).collect();
            names.sort_unstable();
            let outputs = house.projects.outputs(&record).await.unwrap();
            assert_eq!(outputs["part/a.csv"].text.as_deref(), Some("a,b"));
            // An ordinary user may not read what a user subordinate to it keeps to itself.
            if rustix::process::geteuid().is_root() || names.len() > 1 {
                assert_eq!(names, ["b.json", "part/a.csv"], "{}", shown(&record));
                assert_eq!(outputs["b.json"].json, Some(json!({"b": 1})));
            }
            let complaint = record.error.as_ref().unwrap().message.clone();
            assert!(complaint.contains("huge"), "{complaint}");
        }
    });
}

/// Starts a model that sleeps, and takes it back once it has written.
async fn cancelled_once_written(house: &House) -> api::RunRecord {
    let started = house.projects.start(TENANT, "tester", &model("p", "sleeps")).await.unwrap();
    loop {
        let events = house.projects.events(TENANT, started.run_id, 0, 10).await.unwrap();
        if events.iter().any(|event| event.data.contains("written")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let id = started.run_id.to_string();
    house.projects.cancel(TENANT, &id).await.unwrap();
    let patience = std::time::Duration::from_secs(60);
    house.projects.wait(TENANT, started.run_id, patience).await.unwrap()
}

/// Fills all the room that there is, and ends as if nothing were the matter.
const FILLS: &str = concat!(
    "import os\n",
    "open('/outputs/first.txt', 'w').write('first')\n",
    "number = 0\n",
    "try:\n",
    "    while True:\n",
    "        with open(f'PLACE/{number:03}', 'wb') as file: file.write(b'x' * (1 << 20))\n",
    "        number += 1\n",
    "except OSError as error:\n",
    "    result = {'errno': error.errno}\n",
);

fn a_full_workspace_is_no_failure() {
    in_house(0, |house| async move {
        let pipeline = ("run.py", "PIPELINE = ['outputs', 'after']");
        let (outputs, junk) =
            (FILLS.replace("PLACE", "/outputs"), FILLS.replace("PLACE", "/workspace"));
        let files = [
            pipeline,
            ("model/outputs.py", outputs.as_str()),
            ("model/junk.py", junk.as_str()),
            ("model/after.py", "result = {'after': 1}"),
        ];
        registered(&files, &house).await;
        let small = house.another(|settings| {
            settings.policy.limits.workspace_bytes = Some(24 << 20);
        });
        let worker = tokio::spawn(small.work(1, Cancel::new()));
        for name in ["outputs", "junk"] {
            let record = house.run(&model("p", name)).await;
            succeeded(&record);
            assert_eq!(record.result, Some(json!({"errno": 28})), "{}", shown(&record));
            assert_eq!(record.stderr.head, "", "{}", shown(&record));
            let outputs = house.projects.outputs(&record).await.unwrap();
            assert_eq!(outputs["first.txt"].text.as_deref(), Some("first"));
            assert_eq!(outputs.contains_key("000"), name == "outputs");
        }
        let record = house.run(&whole("p")).await;
        succeeded(&record);
        let expected = json!({"outputs": {"errno": 28}, "after": {"after": 1}});
        assert_eq!(record.result, Some(expected), "{}", shown(&record));
        worker.abort();
    });
}

fn names_are_what_they_say() {
    in_house(1, |house| async move {
        let text = concat!(
            "print('said')\n",
            "for name in ('stdout', 'stderr', 'a', 'A'):\n",
            "    open(f'/outputs/{name}', 'w').write(name)\n",
        );
        registered(&[("model/names.py", text)], &house).await;
        let record = house.run(&model("p", "names")).await;
        succeeded(&record);
        assert!(record.error.is_none(), "{}", shown(&record));
        let read = async |name: &str| {
            let (_, bytes) = house.projects.output(&record, name).await.unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!((read("stdout").await, read("stderr").await), ("said\n".into(), String::new()));
        for name in ["stdout", "stderr", "a", "A"] {
            assert_eq!(read(&format!("outputs/{name}")).await, name);
        }
        assert_eq!((read("a").await, read("A").await), ("a".into(), "A".into()));
    });
}

fn a_result_that_is_not_kept_is_told() {
    in_house(1, |house| async move {
        let long = "result = {'x': 'y' * (9 << 20)}";
        let table = [
            ("list", "result = [1, 2]", ErrorCode::InvalidRequest, "list, not a dict"),
            ("huge", "result = {'n': 10**400}", ErrorCode::InvalidRequest, "beyond"),
            ("half", "result = {'t': '\\ud800'}", ErrorCode::InvalidRequest, "surrogate"),
            ("long", long, ErrorCode::TooLarge, "longer than"),
        ];
        let files: Vec<_> =
            table.iter().map(|(name, text, ..)| (format!("model/{name}.py"), *text)).collect();
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        registered(&files, &house).await;
        for (name, _, code, told) in table {
            let record = house.run(&model("p", name)).await;
            succeeded(&record);
            let error = record.error.as_ref().unwrap();
            assert!(error.code == code && error.message.contains(told), "{}", shown(&record));
            assert!(record.result.is_none() && record.stderr.head.contains(told));
        }
    });
}

fn a_record_has_the_digest_of_its_code() {
    in_house(1, |house| async move {
        let files = [("run.py", "PIPELINE = ['a']"), ("model/a.py", "x = 1"), ("model/b.py", "")];
        registered(&files, &house).await;
        let digest = async |request| house.run(&request).await.code_digest.unwrap();
        let first = [
            digest(whole("p")).await,
            digest(model("p", "a")).await,
            digest(model("p", "b")).await,
        ];
        assert_eq!(digest(model("p", "a")).await, first[1]);
        house.commit(&[("model/a.py", "x = 2")]);
        let second = digest(model("p", "a")).await;
        let all: std::collections::BTreeSet<_> = first.into_iter().chain([second]).collect();
        assert_eq!(all.len(), 4, "{all:?}");
        let mut odd = model("p", "a");
        odd.scope = RunScope::Project;
        let refused = house.projects.start(TENANT, "tester", &odd).await.unwrap_err();
        assert_eq!(refused.body().code, ErrorCode::InvalidRequest);
        assert!(refused.to_string().contains("takes no model"), "{refused}");
    });
}

fn outputs_are_bounded_and_plain() {
    in_house(1, |house| async move {
        let text = concat!(
            "import os\n",
            "os.mkfifo('/outputs/0-pipe')\n",
            "os.symlink('/etc/passwd', '/outputs/0-link')\n",
            "os.symlink('/repo', '/outputs/0-dir')\n",
            "open('/outputs/0-large', 'wb').truncate(64 << 20)\n",
            "open('/outputs/0-table.csv', 'w').write('a,b')\n",
            "open('/outputs/0.json', 'w').write('{\"a\": [1]}')\n",
            "for n in range(10_000): open(f'/outputs/{n:05}', 'w').close()\n",
        );
        registered(&[("model/many.py", text)], &house).await;
        let record = house.run(&model("p", "many")).await;
        succeeded(&record);
        assert_eq!(record.artifacts.len(), 200, "{}", shown(&record));
        let message = record.error.as_ref().unwrap().message.clone();
        assert!(message.contains("9806 outputs were left out"), "{message}");
        assert!(message.contains("9802 beyond the 200 files"), "{message}");
        assert!(message.contains("1 of more than 10 MiB; 3 no regular files"), "{message}");
        let outputs = house.projects.outputs(&record).await.unwrap();
        assert_eq!(outputs["0-table.csv"].text.as_deref(), Some("a,b"));
        assert_eq!(outputs["0.json"].json, Some(json!({"a": [1]})));
        for odd in ["0-pipe", "0-link", "0-dir", "0-large"] {
            assert!(!outputs.contains_key(odd), "{odd}");
        }
    });
}

fn a_model_that_forges_the_parcel() {
    in_house(1, |house| async move {
        // The driver's parent is the sandbox's init; it is the driver that is replaced.
        let text = concat!(
            "import io, os, signal, tarfile\n",
            "os.makedirs('/workspace/.cellblock', exist_ok=True)\n",
            "with tarfile.open('/workspace/.cellblock/parcel.tar', 'w') as tar:\n",
            "    for name, kind in (('outputs/../../../x', b'0'), ('outputs/l', b'2')):\n",
            "        info = tarfile.TarInfo(name)\n",
            "        info.type, info.linkname = kind, '/etc/passwd'\n",
            "        tar.addfile(info)\n",
            "os.kill(os.getppid(), signal.SIGKILL)\n",
        );
        registered(&[("model/forges.py", text)], &house).await;
        let record = house.run(&model("p", "forges")).await;
        assert_eq!(record.status, RunStatus::Failed, "{}", shown(&record));
        assert!(record.artifacts.is_empty());
        assert!(!house.scratch.0.join("x").exists());
    });
}

fn long_output_is_kept_apart() {
    in_house(1, |house| async move {
        let text = "print('x' * 9999)\nresult = {'long': 'y' * 100_000}";
        registered(&[("model/long.py", text)], &house).await;
        let record = house.run(&model("p", "long")).await;
        succeeded(&record);
        assert_eq!((record.stdout.head.len(), record.stdout.total_bytes), (4096, 10_000));
        let (_, whole) = house.projects.output(&record, "stdout").await.unwrap();
        assert_eq!(whole.len(), 10_000);
        assert_eq!(record.result, None);
        assert_eq!(record.artifacts[0].name, ".result.json");
    });
}

fn runs_are_compared_and_repeated() {
    in_house(2, |house| async move {
        let text = concat!(
            "import json\n",
            "rate = json.load(open('/inputs/parameters.json'))['rate']\n",
            "result = {'revenue': 1000 * rate, 'cost': 500}\n",
            "open('/outputs/total.json', 'w').write(json.dumps({'total': 1000 * rate - 500}))\n",
        );
        let random = "import os\nresult = {'noise': int.from_bytes(os.urandom(6), 'big')}";
        registered(&[("model/plan.py", text), ("model/noise.py", random)], &house).await;
        let with = |rate: f64| {
            let mut request = model("p", "plan");
            request.parameters = Some(json!({"rate": rate}));
            request
        };
        let (base, scenario) = (house.run(&with(1.0)).await, house.run(&with(1.5)).await);
        let comparison = house.projects.compare(&base, &scenario).await.unwrap();
        let told: Vec<_> = comparison
            .changes
            .iter()
            .map(|change| (change.metric.as_str(), change.pct_delta, change.significant))
            .collect();
        let expected = [("total.json.total", Some(100.0), true), ("revenue", Some(50.0), true)];
        assert_eq!(told, expected);
        assert_eq!((comparison.compared, comparison.identical), (3, Some(false)));
        let patience = std::time::Duration::from_secs(60);
        let id = base.run_id.to_string();
        let again = house.projects.rerun(TENANT, "other", &id, patience).await.unwrap();
        assert_eq!((again.identical, again.record.rerun_of), (Some(true), Some(base.run_id)));
        assert_eq!(
            (again.record.commit_sha, again.record.requested_by.as_str()),
            (base.commit_sha, "other")
        );
        let noise = house.run(&model("p", "noise")).await;
        let id = noise.run_id.to_string();
        let again = house.projects.rerun(TENANT, "other", &id, patience).await.unwrap();
        assert_eq!(again.identical, Some(false));
    });
}

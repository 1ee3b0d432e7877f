//! Data: what is taken, and that it stays as it was.

use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use api::{ErrorCode, RunStatus};
use project::Buckets;
use record::{BlobLocation, BlobSettings, Blobs, BucketLocation, Location, Store};
use serde_json::json;
use testkit::{gate::missing, s3::S3};

use crate::fixture::{House, TENANT, Tests, in_house, model, shown, succeeded};

/// How long an S3 server may take to come up on a busy machine.
const UP_TIME_MAX: Duration = Duration::from_secs(90);

pub(crate) const TESTS: Tests = &[
    ("data::uploads_are_told_by_their_bytes", uploads_are_told_by_their_bytes),
    ("data::a_snapshot_never_changes", a_snapshot_never_changes),
    ("data::directories_are_the_operators_to_give", directories_are_the_operators_to_give),
    ("data::buckets_are_the_operators_to_give", buckets_are_the_operators_to_give),
    ("data::a_model_reads_a_bucket", a_model_reads_a_bucket),
];

const READS: &str = concat!(
    "import os\n",
    "found = {}\n",
    "for top, _, names in os.walk('/data'):\n",
    "    for name in names:\n",
    "        path = os.path.join(top, name)\n",
    "        found[os.path.relpath(path, '/data')] = open(path).read()\n",
    "try:\n",
    "    open('/data/new', 'w')\n",
    "    found['written'] = True\n",
    "except OSError as error:\n",
    "    found['refused'] = error.errno\n",
    "result = found\n",
);

async fn prepared(house: &House) -> api::Project {
    house.commit(&[("model/reads.py", READS)]);
    house.register("p").await
}

fn uploads_are_told_by_their_bytes() {
    in_house(1, |house| async move {
        let project = prepared(&house).await;
        let upload = async |name: &str, bytes: &[u8]| {
            house.projects.upload(TENANT, &project, name, bytes.to_vec()).await
        };
        assert_eq!(upload("sales.txt", b"a,b\n1,2\n").await.unwrap().name, "sales.txt");
        assert_eq!(upload("x.json", b"{}").await.unwrap().name, "x.json");
        for (name, bytes) in
            [("a.csv", &b"\x7fELF\0"[..]), ("a.parquet", b"a,b"), ("../a.csv", b"a"), ("a", b"a")]
        {
            assert!(upload(name, bytes).await.is_err(), "{name}");
        }
        let error = upload("a.exe", b"MZ\0\0").await.unwrap_err().body();
        assert_eq!(error.code, ErrorCode::UnsupportedMediaType);
    });
}

fn a_snapshot_never_changes() {
    in_house(2, |house| async move {
        let project = prepared(&house).await;
        let projects = &house.projects;
        let none = house.run(&model("p", "reads")).await;
        succeeded(&none);
        assert_eq!(
            (none.snapshot, none.result.unwrap()),
            (None, serde_json::json!({"refused": 30}))
        );
        projects.upload(TENANT, &project, "sales.csv", b"old".to_vec()).await.unwrap();
        let first = projects.take_snapshot(TENANT, &project).await.unwrap();
        // The same data is the same snapshot.
        let again = projects.take_snapshot(TENANT, &project).await.unwrap();
        assert_eq!(first.snapshot_id, again.snapshot_id);
        projects.upload(TENANT, &project, "sales.csv", b"new".to_vec()).await.unwrap();
        let second = projects.take_snapshot(TENANT, &project).await.unwrap();
        assert_ne!(first.snapshot_id, second.snapshot_id);
        let mut request = model("p", "reads");
        let newest = house.run(&request).await;
        assert_eq!(newest.snapshot, Some(second.snapshot_id.clone()), "{}", shown(&newest));
        assert_eq!(newest.result.unwrap()["sales.csv"], "new");
        request.snapshot = Some(first.snapshot_id.clone());
        let old = house.run(&request).await;
        assert_eq!(old.result.unwrap()["sales.csv"], "old");
        let kept = projects.delete_snapshot(TENANT, &project, &first.snapshot_id).await;
        assert_eq!(kept.unwrap_err().body().code, ErrorCode::Conflict);
        request.snapshot = Some("0".repeat(64));
        let missing = projects.start(TENANT, "tester", &request).await;
        assert_eq!(missing.unwrap_err().body().code, ErrorCode::NotFound);
        projects.upload(TENANT, &project, "sales.csv", b"unused".to_vec()).await.unwrap();
        let unused = projects.take_snapshot(TENANT, &project).await.unwrap();
        assert!(projects.delete_snapshot(TENANT, &project, &unused.snapshot_id).await.unwrap());
    });
}

fn directories_are_the_operators_to_give() {
    in_house(1, |house| async move {
        let project = prepared(&house).await;
        house.scratch.write("tables/a/one.csv", "1");
        house.scratch.write("tables/two.csv", "2");
        let tables = house.scratch.0.join("tables");
        symlink("/etc/passwd", tables.join("link.csv")).unwrap();
        let add = async |path: &std::path::Path| {
            house.projects.add_directory(TENANT, &project, "tables", path).await
        };
        assert_eq!(add("/etc".as_ref()).await.unwrap_err().body().code, ErrorCode::PolicyRefused);
        let out = house.scratch.0.join("out");
        symlink("/etc", &out).unwrap();
        assert_eq!(add(&out).await.unwrap_err().body().code, ErrorCode::PolicyRefused);
        add(&tables).await.unwrap();
        // The run takes the snapshot by itself where there is none.
        let record = house.run(&model("p", "reads")).await;
        assert_eq!(record.status, RunStatus::Success, "{}", shown(&record));
        let result = record.result.unwrap();
        let expected =
            serde_json::json!({"tables/a/one.csv": "1", "tables/two.csv": "2", "refused": 30});
        assert_eq!(result, expected);
        // Nobody reads what is too large by what the host says of it.
        fs::File::create(tables.join("large.csv")).unwrap().set_len(1 << 42).unwrap();
        let error = house.projects.take_snapshot(TENANT, &project).await.unwrap_err().body();
        assert_eq!(error.code, ErrorCode::TooLarge, "{error:?}");
        assert!(error.message.contains("\"large.csv\" of 4398046511104 bytes"), "{error:?}");
        fs::remove_dir_all(&tables).unwrap();
        let again = house.run(&model("p", "reads")).await;
        assert_eq!(again.result.unwrap(), expected);
    });
}

fn buckets_are_the_operators_to_give() {
    in_house(1, |house| async move {
        let project = prepared(&house).await;
        let allowed = Buckets::Only(vec![BucketLocation::parse("s3://ours/tables").unwrap()]);
        let projects = house.another(|settings| settings.buckets = allowed);
        let add = async |url: &str| {
            let added = projects.add_bucket(TENANT, &project, "tables", url).await;
            added.map_err(|error| error.body().code)
        };
        for url in ["s3://ours", "s3://ours/tables-2", "s3://others/tables", "gs://ours/tables"] {
            assert_eq!(add(url).await.unwrap_err(), ErrorCode::PolicyRefused, "{url}");
        }
        for url in ["s3://ours/tables/../x", "s3://ours@h/tables", "http://ours/tables"] {
            assert_eq!(add(url).await.unwrap_err(), ErrorCode::InvalidRequest, "{url}");
        }
        assert_eq!(add("s3://ours/tables/a/").await.unwrap().location, "s3://ours/tables/a");
        // What was allowed once is no more: it is asked again when it is read.
        let taken = house.projects.take_snapshot(TENANT, &project).await;
        assert_eq!(taken.unwrap_err().body().code, ErrorCode::PolicyRefused);
    });
}

fn a_model_reads_a_bucket() {
    in_house(1, |house| async move {
        let place = house.scratch.0.join("s3");
        fs::create_dir(&place).unwrap();
        let Some(mut server) = S3::start(&place).unwrap() else { return missing("SeaweedFS") };
        let options = server.options();
        let location = BlobLocation::parse("s3://blobs/tables").unwrap();
        let settings = BlobSettings { location, options, spool: house.scratch.0.join("spool") };
        // Somebody else's: ours knows nothing of what is there.
        let others = house.scratch.0.join("others.sqlite").display().to_string();
        let others = Store::open(&Location::parse(&others).unwrap()).await.unwrap();
        let objects = Blobs::open(&settings, &others).unwrap();
        let deadline = Instant::now() + UP_TIME_MAX;
        let kept = loop {
            match objects.put_bytes("a,b\n1,2\n").await {
                Ok(kept) => break kept,
                Err(_) if server.is_running() && Instant::now() < deadline => {}
                Err(error) => panic!("the S3 server did not come up: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let project = prepared(&house).await;
        let projects = house.another(|given| {
            given.buckets = Buckets::All;
            given.bucket_options = settings.options;
        });
        projects.add_bucket(TENANT, &project, "sales", "s3://blobs/tables").await.unwrap();
        let record = projects.run(TENANT, "tester", &model("p", "reads")).await.unwrap();
        succeeded(&record);
        let seen = record.result.unwrap();
        let seen = seen.as_object().unwrap();
        let (name, text) = seen.iter().find(|(name, _)| name.contains(&kept.sha256)).unwrap();
        assert_eq!((name.starts_with("sales/"), text), (true, &json!("a,b\n1,2\n")));
        assert_eq!(seen["refused"], json!(30));
        assert!(record.snapshot.is_some());
    });
}

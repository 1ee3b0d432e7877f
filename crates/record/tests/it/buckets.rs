//! Buckets of others: a real S3's, and one whose answers are a liar's.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use api::ErrorCode;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use record::{BlobSettings, Blobs, Bucket, BucketError, BucketLocation, KeepError};

use crate::{
    fixture::{Place, block_on, missing},
    s3::Server,
};

/// Small objects of the real bucket: more than one page of a list has.
const SMALL: usize = 1500;
const CSV: &str = "month,amount\n2026-01,12.50\n2026-02,7\n";

fn location(text: &str) -> BucketLocation {
    BucketLocation::parse(text).unwrap()
}

async fn blobs(place: &Place) -> Blobs {
    let settings = BlobSettings::directory(place.directory.path().join("blobs"));
    Blobs::open(&settings, &place.open().await).unwrap()
}

#[test]
fn a_bucket_is_read_as_it_is_listed() {
    let Some(mut server) = Server::start() else { return missing("SeaweedFS (weed)") };
    block_on(async {
        let place = Place::file();
        let blobs = blobs(&place).await;
        let options = server.settings().options;
        let bucket = Bucket::open(&location("s3://blobs/data"), &options).unwrap();
        let url = reqwest::Url::parse("s3://blobs").unwrap();
        let given = options.iter().map(|(name, value)| (name.to_lowercase(), value));
        let (objects, _) = object_store::parse_url_opts(&url, given).unwrap();
        let objects: Arc<dyn ObjectStore> = objects.into();
        let put = async |key: String, bytes: Vec<u8>| {
            objects.put(&Path::parse(key).unwrap(), bytes.into()).await.map(drop)
        };
        server.wait(async || put("data/sales.csv".to_owned(), CSV.into()).await.is_ok()).await;
        let large = vec![b'x'; 9 << 20];
        put("data/deep/er/large.csv".to_owned(), large).await.unwrap();
        put("data/empty.csv".to_owned(), Vec::new()).await.unwrap();
        put("database/other.csv".to_owned(), CSV.into()).await.unwrap();
        let small = (0..SMALL).map(|n| put(format!("data/small/{n:04}.csv"), CSV.into()));
        stream::iter(small).buffered(16).try_collect::<Vec<()>>().await.unwrap();

        let listed = bucket.list().await.unwrap();
        let paths: Vec<_> = listed.iter().map(|object| object.path.as_str()).collect();
        assert_eq!(paths.len(), SMALL + 3);
        assert_eq!(paths[..4], ["deep/er/large.csv", "empty.csv", "sales.csv", "small/0000.csv"]);
        let sales = &listed[2];
        let kept = bucket.keep(sales, &blobs).await.unwrap().unwrap();
        assert_eq!(blobs.read(&kept.sha256, 1000).await.unwrap(), CSV.as_bytes());
        // The same bytes are the same blob, whatever they are called.
        assert_eq!(bucket.keep(&listed[3], &blobs).await.unwrap().unwrap(), kept);
        let large = bucket.keep(&listed[0], &blobs).await.unwrap().unwrap();
        assert_eq!(large.size_bytes, 9 << 20);
        put("data/sales.csv".to_owned(), CSV.replace('7', "8").into()).await.unwrap();
        let changed = bucket.keep(sales, &blobs).await;
        assert!(matches!(changed, Err(KeepError::Bucket(BucketError::Changed { .. }))));

        let none = Bucket::open(&location("s3://no-such-bucket"), &options).unwrap();
        let error = none.list().await.unwrap_err();
        assert_eq!(error.kind().0, ErrorCode::NotFound, "{error}");
        let mut wrong = options.clone();
        for (name, value) in &mut wrong {
            if name == "AWS_SECRET_ACCESS_KEY" {
                *value = "wrong-secret".to_owned();
            }
        }
        let denied = Bucket::open(&location("s3://blobs/data"), &wrong).unwrap();
        let error = denied.list().await.unwrap_err();
        assert_eq!(error.kind().0, ErrorCode::Forbidden, "{error}");
        assert!(!error.to_string().contains("wrong-secret"));
    });
}

/// Answers as no honest object store does: every list has these objects, and every object
/// this body.
fn liar(keys: &[(&str, usize)], body: &'static str) -> Vec<(String, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut list = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
    list.extend(keys.iter().map(|(key, size)| {
        format!(
            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"e\"</ETag>\
             <LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        )
    }));
    list.push_str("</ListBucketResult>");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let list = list.clone();
            std::thread::spawn(move || stream.map(|stream| answer(stream, &list, body)));
        }
    });
    [
        ("AWS_ACCESS_KEY_ID", "a".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "b".to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn answer(mut stream: TcpStream, list: &str, body: &str) {
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    let _ = request.read_line(&mut first);
    let mut line = String::new();
    while request.read_line(&mut line).is_ok_and(|length| length > 2) {
        line.clear();
    }
    let body = if first.contains("list-type") { list } else { body };
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

#[test]
fn keys_that_are_no_paths_are_refused() {
    block_on(async {
        let deep = format!("p/{}x", "d/".repeat(40));
        let long = format!("p/{}", "n".repeat(300));
        let table: [&[(&str, usize)]; 9] = [
            &[("p/../x", 1)],
            &[("p/a//b", 1)],
            &[("p/./x", 1)],
            &[("p/a\\b", 1)],
            &[("p/a&#7;b", 1)],
            &[(&deep, 1)],
            &[(&long, 1)],
            &[("p/a", 1), ("p/a/b", 1)],
            &[("elsewhere/a", 1)],
        ];
        for keys in table {
            let bucket = Bucket::open(&location("s3://b/p"), &liar(keys, "")).unwrap();
            let listed = bucket.list().await;
            assert!(matches!(listed, Err(BucketError::Key { .. })), "{keys:?}: {listed:?}");
        }
        // What stands for a directory is none of the files.
        let keys = &[("p/", 0), ("p/a/", 0), ("p/a/b", 1)];
        let bucket = Bucket::open(&location("s3://b/p"), &liar(keys, "")).unwrap();
        let listed = bucket.list().await.unwrap();
        assert_eq!(listed.iter().map(|object| object.path.as_str()).collect::<Vec<_>>(), ["a/b"]);
    });
}

#[test]
fn what_is_not_what_was_listed_is_not_kept() {
    block_on(async {
        let place = Place::file();
        let blobs = blobs(&place).await;
        for size in [1, 5, 100] {
            let options = liar(&[("p/a", size)], "abcd");
            let bucket = Bucket::open(&location("s3://b/p"), &options).unwrap();
            let listed = bucket.list().await.unwrap();
            let kept = bucket.keep(&listed[0], &blobs).await;
            let is_changed = matches!(kept, Err(KeepError::Bucket(BucketError::Changed { .. })));
            assert!(is_changed, "{size}: {kept:?}");
        }
        let bucket = Bucket::open(&location("s3://b/p"), &liar(&[("p/a", 4)], "abcd")).unwrap();
        let listed = bucket.list().await.unwrap();
        assert!(bucket.keep(&listed[0], &blobs).await.unwrap().is_some());
    });
}

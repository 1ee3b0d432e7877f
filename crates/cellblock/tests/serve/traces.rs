//! Spans, as a collector gets them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::fixture::{Before, Server, StateDir, python};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector that keeps what it gets, head and body.
struct Collector {
    address: String,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || collect(stream.unwrap(), &kept));
            }
        });
        Self { address, requests }
    }

    /// The spans, each by its name.
    fn spans(&self) -> Vec<(String, Value)> {
        let requests = self.requests.lock().unwrap();
        let spans = requests.iter().flat_map(|(_, body)| {
            body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
        });
        spans.map(|span| (span["name"].as_str().unwrap().to_owned(), span)).collect()
    }
}

fn collect(stream: TcpStream, kept: &Mutex<Vec<(String, Value)>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let begin = head.len();
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
            let line = head[begin..].trim_end().to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    }
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let all = span["attributes"].as_array().unwrap();
    &all.iter().find(|one| one["key"] == key).unwrap()["value"]
}

#[test]
fn requests_and_what_they_cause_are_spans_of_the_clients_trace() {
    let (_alone, state, collector) = (Before::take(), StateDir::make(), Collector::start());
    let endpoint = format!("http://{}", collector.address);
    let vars = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a%20b"),
        ("OTEL_SERVICE_NAME", "cells"),
    ];
    let server = Server::start(&state, &vars);
    let parent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n");
    let run = server.ask_with(("POST", "/v1/runs"), &parent, &python("print('SECRET')"));
    assert_eq!(run.status, 200, "{run:?}");
    server.signal(Signal::TERM);
    let (status, log) = server.end();
    assert_eq!(status, Some(0));
    assert!(log.contains(TRACE), "{log}");

    let spans = collector.spans();
    let named = |name: &str| &spans.iter().find(|(found, _)| found == name).unwrap().1;
    let (request, run) = (named("POST /v1/runs"), named("run"));
    assert_eq!((&request["traceId"], &run["traceId"]), (&TRACE.into(), &TRACE.into()));
    assert_eq!(request["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(run["parentSpanId"], request["spanId"]);
    assert_eq!(attribute(run, "cellblock.outcome")["stringValue"], "exited");
    assert_eq!(attribute(request, "http.response.status_code")["intValue"], "200");
    let requests = collector.requests.lock().unwrap();
    let (head, body) = &requests[0];
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("x-team: a b\r\n"), "{head}");
    let service = attribute(&body["resourceSpans"][0]["resource"], "service.name");
    assert_eq!(service["stringValue"], "cells");
    assert!(!body.to_string().contains("SECRET"));
}

#[test]
fn a_collector_that_is_not_there_harms_nobody() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
    for _ in 0..100 {
        assert_eq!(server.ask("GET", "/health", "").status, 200);
    }
    server.signal(Signal::TERM);
    let (status, log) = server.end();
    assert_eq!(status, Some(0));
    assert_eq!(log.matches("the collector of traces is not to be had").count(), 1, "{log}");
}

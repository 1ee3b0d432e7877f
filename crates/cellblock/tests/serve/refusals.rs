//! Who is refused before all was sent that was to be sent, and hears of it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use rustix::process::Signal;

use crate::fixture::{Before, PATIENCE, Server, StateDir, key};

/// What otari's largest upload has.
const LARGE: usize = 100 << 20;
const PIECE: usize = 1 << 20;

fn begin(server: &Server, (path, headers): (&str, &str), length: usize) -> TcpStream {
    let address = server.address();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    stream
}

/// All that is left to come, which has to end as a connection ends.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn who_sends_too_much_or_may_not_send_reads_the_answer_after_all_was_sent() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let authorized = format!("authorization: Bearer {}\r\n", key(&state, "acme", "run"));
    let server = Server::start(&state, &[]);
    let table = [
        ("/v1/runs", "", "401", "unauthenticated"),
        ("/v1/runs", authorized.as_str(), "413", "too_large"),
        ("/v1/nothing", authorized.as_str(), "404", "not_found"),
    ];
    let piece = vec![b' '; PIECE];
    for (path, headers, status, code) in table {
        let mut stream = begin(&server, (path, headers), LARGE);
        for _ in 0..LARGE / PIECE {
            stream.write_all(&piece).unwrap();
        }
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{path}: {answer}");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn who_sends_slowly_is_not_reset() {
    let (_alone, state) = (Before::take(), StateDir::make());
    key(&state, "acme", "run");
    let server = Server::start(&state, &[]);
    let mut stream = begin(&server, ("/v1/runs", ""), LARGE);
    let mut first = [0];
    // It has answered, and there is nothing to read for it.
    stream.read_exact(&mut first).unwrap();
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(50));
        stream.write_all(&[b' '; 1000]).unwrap();
    }
    let answer = rest(&mut stream);
    assert!(answer.starts_with("TTP/1.1 401 "), "{answer}");
}

#[test]
fn who_never_ends_is_cut_off() {
    let (_alone, state) = (Before::take(), StateDir::make());
    key(&state, "acme", "run");
    let server = Server::start(&state, &[]);
    let mut stream = begin(&server, ("/v1/runs", ""), usize::MAX >> 1);
    let piece = vec![b' '; PIECE];
    let mut sent = 0_usize;
    while stream.write_all(&piece).is_ok() {
        sent += PIECE;
        // What is under way in the host kernel was sent, too.
        assert!(sent < 1 << 30, "it takes everything");
    }
    assert_eq!(server.ask("GET", "/health", "").status, 200);
}

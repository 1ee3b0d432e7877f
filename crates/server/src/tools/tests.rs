//! Calls over real connections, to a server that says what each test has it say.

use std::{net::SocketAddr, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
    time::sleep,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::*;

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server got, and that a connection ended.
#[derive(Debug)]
enum Got {
    Request { head: String, body: Value },
    End,
}

/// What a server says to each request: bytes as they are, or nothing for ever.
type Said = Option<String>;

fn said(status: &str, body: &str) -> Said {
    let length = body.len();
    Some(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"))
}

/// A server, and what it gets.
async fn serve(said: Said) -> (SocketAddr, mpsc::UnboundedReceiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(attend(stream, said.clone(), sender.clone()));
        }
    });
    (address, receiver)
}

async fn attend<S>(mut stream: S, said: Said, sender: mpsc::UnboundedSender<Got>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some((head, body)) = request(&mut stream).await {
        sender.send(Got::Request { head, body }).unwrap();
        if let Some(said) = &said {
            let _ = stream.write_all(said.as_bytes()).await;
        }
    }
    let _ = sender.send(Got::End);
}

async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Value)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?.to_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let mut body = vec![0; length.split_once("\r\n").unwrap().0.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, serde_json::from_slice(&body).unwrap()))
}

fn callback(url: String) -> Callback {
    Callback { url, token: "s3cret-Token".to_owned(), timeout: PATIENCE }
}

fn echo() -> ToolCall {
    ToolCall { name: "echo".to_owned(), input: r#"{"a": [1, "é"]}"#.to_owned() }
}

/// What comes of a call to an address.
async fn call(url: String) -> ToolReply {
    let tools = ToolCaller::new(None).tools(&callback(url)).unwrap();
    timeout(PATIENCE, tools.call(echo())).await.unwrap()
}

/// The text of the error that comes of a call to a server that says this.
async fn error(answer: Said) -> String {
    let (address, _got) = serve(answer).await;
    match call(format!("http://{address}/")).await {
        ToolReply::Error(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_is_posted_with_the_token_and_its_answer_read() {
    let (address, mut got) =
        serve(said("200 OK", r#"{"content": {"b": 2}, "is_error": false}"#)).await;
    let reply = call(format!("http://{address}/tools/call?x=1")).await;
    assert_eq!(reply, ToolReply::Content("{\"b\": 2}".to_owned()));
    let Some(Got::Request { head, body }) = got.recv().await else { panic!("no request") };
    for line in [
        "post /tools/call?x=1 http/1.1\r\n",
        "\r\nauthorization: bearer s3cret-token\r\n",
        "\r\ncontent-type: application/json\r\n",
        &format!("\r\nhost: {address}\r\n"),
    ] {
        assert!(head.contains(line), "{line:?} in {head}");
    }
    assert_eq!((&body["name"], &body["input"]), (&json!("echo"), &json!({"a": [1, "é"]})));
    let id = body["call_id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(body.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn each_call_has_its_own_id_and_connections_are_used_again() {
    let (address, mut got) = serve(said("200 OK", "{\"content\": 1}")).await;
    let tools = ToolCaller::new(None).tools(&callback(format!("http://{address}/"))).unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        assert_eq!(tools.call(echo()).await, ToolReply::Content("1".to_owned()));
        match got.recv().await {
            Some(Got::Request { body, .. }) => ids.push(body["call_id"].to_string()),
            other => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn what_the_tool_calls_an_error_is_one() {
    let (address, _got) = serve(said("200 OK", r#"{"content": "no", "is_error": true}"#)).await;
    let reply = call(format!("http://{address}/")).await;
    assert_eq!(reply, ToolReply::Failed("\"no\"".to_owned()));
}

#[tokio::test]
async fn other_statuses_are_failures_and_redirects_are_not_followed() {
    let (elsewhere, mut got) = serve(said("200 OK", "{\"content\": 1}")).await;
    for status in ["500 No", "404 No", "401 No", "304 No"] {
        let expected = format!("tool 'echo' failed: HTTP {}", &status[..3]);
        assert_eq!(error(said(status, "")).await, expected);
    }
    for status in [301, 302, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} Go\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(error(Some(redirect)).await, format!("tool 'echo' failed: HTTP {status}"));
    }
    assert!(got.try_recv().is_err());
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused =
        ToolReply::Error("tool 'echo' unreachable: Connection refused (os error 111)".to_owned());
    assert_eq!(call(format!("http://{address}/")).await, refused);
    assert_eq!(call(format!("https://{address}/")).await, refused);
    let ToolReply::Error(text) = call("http://no-such-host.invalid/".to_owned()).await else {
        panic!("there is such a host")
    };
    assert!(text.starts_with("tool 'echo' unreachable: "), "{text}");
}

#[tokio::test]
async fn answers_that_are_none_are_transport_errors() {
    let table = [
        (said("200 OK", "<html>"), "the answer is not a JSON object with content and is_error"),
        (said("200 OK", "[]"), "the answer is not a JSON object with content and is_error"),
        (
            Some("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_owned()),
            "the answer has more than 4195328 bytes",
        ),
        (
            said("200 OK", &format!("{{\"content\":\"{}\"}}", "x".repeat(RESPONSE_BYTES_MAX))),
            "the answer has more than 4195328 bytes",
        ),
        (Some("garbage\r\n\r\n".to_owned()), ""),
    ];
    for (answer, cause) in table {
        let text = error(answer).await;
        assert!(text.starts_with("tool 'echo' transport error: "), "{text}");
        assert!(text.ends_with(cause), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_transport_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for half in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            stream.write_all(half.as_bytes()).await.unwrap();
        }
    });
    for _ in 0..2 {
        let ToolReply::Error(text) = call(format!("http://{address}/")).await else { panic!() };
        assert!(text.starts_with("tool 'echo' transport error: "), "{text}");
    }
}

#[tokio::test]
async fn a_call_takes_no_longer_than_it_may_and_its_connection_goes_with_it() {
    let (address, mut got) = serve(None).await;
    let short = Duration::from_millis(200);
    let callback = Callback { timeout: short, ..callback(format!("http://{address}/")) };
    let tools = ToolCaller::new(None).tools(&callback).unwrap();
    let reply = timeout(PATIENCE, tools.call(echo())).await.unwrap();
    let text = "tool 'echo' transport error: no answer within 0.2 seconds";
    assert_eq!(reply, ToolReply::Error(text.to_owned()));
    assert!(matches!(got.recv().await, Some(Got::Request { .. })));
    assert!(matches!(timeout(PATIENCE, got.recv()).await.unwrap(), Some(Got::End)));
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_its_connection_along() {
    let (address, mut got) = serve(None).await;
    let tools = ToolCaller::new(None).tools(&callback(format!("http://{address}/"))).unwrap();
    tokio::select! {
        _ = tools.call(echo()) => panic!("it was answered"),
        request = got.recv() => assert!(matches!(request, Some(Got::Request { .. }))),
    }
    assert!(matches!(timeout(PATIENCE, got.recv()).await.unwrap(), Some(Got::End)));
}

#[tokio::test]
async fn only_so_many_calls_are_made_at_once() {
    let (address, mut got) = serve(None).await;
    let tools = ToolCaller::new(None).tools(&callback(format!("http://{address}/"))).unwrap();
    let tools = Arc::new(tools);
    let calls: Vec<_> = (0..CALLS_AT_ONCE_MAX + 10)
        .map(|_| {
            let tools = Arc::clone(&tools);
            tokio::spawn(async move { tools.call(echo()).await })
        })
        .collect();
    for _ in 0..CALLS_AT_ONCE_MAX {
        timeout(PATIENCE, got.recv()).await.unwrap().unwrap();
    }
    sleep(Duration::from_millis(200)).await;
    assert!(got.try_recv().is_err());
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A server that speaks TLS, by a certificate of the authority that is among the tests.
async fn serve_tls() -> SocketAddr {
    let certificate = include_bytes!("testdata/certificate.pem");
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let _kept = receiver;
        while let Ok((stream, _)) = listener.accept().await {
            let answer = said("200 OK", "{\"content\": \"safe\"}");
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(attend(stream, answer, sender.clone()));
            }
        }
    });
    address
}

#[tokio::test]
async fn https_is_spoken_with_whom_is_trusted() {
    let address = serve_tls().await;
    let mut roots = RootCertStore::empty();
    let authority = include_bytes!("testdata/authority.pem");
    roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    let caller = ToolCaller::with(Connector::trusting(roots), None);
    let port = address.port();
    for (host, expected) in [("127.0.0.1", true), ("localhost", true), ("127.0.0.2", false)] {
        let tools = caller.tools(&callback(format!("https://{host}:{port}/"))).unwrap();
        match timeout(PATIENCE, tools.call(echo())).await.unwrap() {
            ToolReply::Content(content) => assert!(expected && content == "\"safe\"", "{host}"),
            other => assert!(!expected, "{host} {other:?}"),
        }
    }
    // The authority is not one that this machine trusts.
    let ToolReply::Error(text) = call(format!("https://localhost:{port}/")).await else { panic!() };
    assert!(text.starts_with("tool 'echo' unreachable: invalid peer certificate"), "{text}");
    // And this one speaks no TLS at all.
    let (plain, _got) = serve(said("200 OK", "{}")).await;
    let ToolReply::Error(text) = call(format!("https://{plain}/")).await else { panic!() };
    assert!(text.starts_with("tool 'echo' unreachable: "), "{text}");
}

#[test]
fn callbacks_are_checked_and_say_nothing_secret() {
    let caller = ToolCaller::new(Some(vec!["tools.example".to_owned()]));
    let with = |url: &str, token: &str| {
        let token = token.to_owned();
        caller.tools(&Callback { url: url.to_owned(), token, timeout: PATIENCE })
    };
    let error = |url, token| with(url, token).unwrap_err().to_string();
    assert_eq!(error("", "t"), "callback_url must not be empty");
    assert_eq!(error("http://tools.example/", ""), "token must not be empty");
    assert_eq!(error("http://tools.example/", "a\nb"), "token must be visible ASCII characters");
    assert_eq!(with("http://other.example/", "t").unwrap_err(), CallbackError::Host);
    let tools = with("http://tools.example/?key=hidden", "s3cret").unwrap();
    let callback = callback("http://tools.example/?key=hidden".to_owned());
    let shown = format!("{tools:?} {callback:?} {caller:?} {:?}", tools.headers);
    assert!(!shown.contains("s3cret") && !shown.contains("hidden"), "{shown}");
}

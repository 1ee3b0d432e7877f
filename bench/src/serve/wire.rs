//! A client of HTTP that does as little as one can: a connection that is kept, one
//! request at a time, bytes that were made before the clock runs. What it costs falls on
//! every server alike.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Longer than anything that is asked for may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// The largest answer that is read: more than anything here is answered with.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// How much is read at once: whole answers of the usual kind.
const READ_BYTES: usize = 16 * 1024;
/// What ends a head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Where a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(super) SocketAddr);

/// The text does not say where a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidPlace;

impl std::fmt::Display for InvalidPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("expected http://HOST:PORT")
    }
}

impl std::error::Error for InvalidPlace {}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let authority = text.strip_prefix("http://").ok_or(InvalidPlace)?.trim_end_matches('/');
        let mut found = authority.to_socket_addrs().map_err(|_| InvalidPlace)?;
        found.next().map(Self).ok_or(InvalidPlace)
    }
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Request(Vec<u8>);

/// What goes with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    None,
    Json(&'a str),
    Bytes(&'a [u8]),
}

impl Request {
    /// A request without a key.
    pub(super) fn new(method: &str, path: &str, content: Content<'_>) -> Self {
        Self::with_key(None, method, path, content)
    }

    /// A request with a key, if there is one.
    pub(super) fn with_key(
        key: Option<&str>,
        method: &str,
        path: &str,
        content: Content<'_>,
    ) -> Self {
        let (kind, bytes) = match content {
            Content::None => (None, &[][..]),
            Content::Json(text) => (Some("application/json"), text.as_bytes()),
            Content::Bytes(bytes) => (Some("application/octet-stream"), bytes),
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        if let Some(key) = key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        if let Some(kind) = kind {
            head.push_str(&format!("content-type: {kind}\r\ncontent-length: {}\r\n", bytes.len()));
        }
        head.push_str("\r\n");
        Self([head.as_bytes(), bytes].concat())
    }
}

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// One that says that it went well.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn good(self) -> Result<Self> {
        if !(200..300).contains(&self.status) {
            bail!("the answer is {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self)
    }

    /// A text of its JSON.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        let value: serde_json::Value = serde_json::from_slice(&self.body)?;
        let text = value.get(name).and_then(serde_json::Value::as_str);
        Ok(text.with_context(|| format!("the answer has no {name}"))?.to_owned())
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn connect(place: Place) -> Result<Self> {
        let stream = TcpStream::connect(place.0)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        Ok(Self { stream, read: Vec::with_capacity(READ_BYTES) })
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Answer> {
        self.stream.write_all(&request.0).context("the request cannot be sent")?;
        self.answer().context("there is no answer")
    }

    /// Asks for something that must go well; gives the time until the whole answer was
    /// there, too.
    ///
    /// # Errors
    /// It did not go well.
    pub(super) fn time(&mut self, request: &Request) -> Result<(Answer, Duration)> {
        let start = Instant::now();
        let answer = self.ask(request)?;
        let time = start.elapsed();
        Ok((answer.good()?, time))
    }

    fn answer(&mut self) -> Result<Answer> {
        self.read.clear();
        let head = loop {
            if let Some(at) = self.read.windows(HEAD_END.len()).position(|w| w == HEAD_END) {
                break at + HEAD_END.len();
            }
            self.more()?;
        };
        let (status, length) = head_of(&self.read[..head])?;
        let body = match length {
            Length::Known(length) => {
                while self.read.len() < head + length {
                    self.more()?;
                }
                self.read[head..head + length].to_vec()
            }
            Length::Pieces => self.pieces(head)?,
        };
        Ok(Answer { status, body })
    }

    fn pieces(&mut self, head: usize) -> Result<Vec<u8>> {
        loop {
            if let Some(body) = joined(&self.read[head..])? {
                return Ok(body);
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Result<()> {
        let length = self.read.len();
        if length > ANSWER_BYTES_MAX {
            bail!("it is longer than {ANSWER_BYTES_MAX} bytes");
        }
        self.read.resize(length + READ_BYTES, 0);
        let count = self.stream.read(&mut self.read[length..])?;
        self.read.truncate(length + count);
        if count == 0 {
            bail!("the connection was closed");
        }
        Ok(())
    }
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Pieces,
}

/// The status, and how long the body is.
fn head_of(head: &[u8]) -> Result<(u16, Length)> {
    let head = std::str::from_utf8(head).context("the head is no text")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok()).context("there is no status")?;
    let mut length = Length::Known(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Known(value.trim().parse().context("that is no length")?);
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Pieces;
        }
    }
    Ok((status, length))
}

/// The body that arrived in pieces; `None` where the last one is still to come.
fn joined(mut rest: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
        let length = std::str::from_utf8(&rest[..end]).context("that is no piece")?;
        let length = usize::from_str_radix(length, 16).context("that is no piece's length")?;
        let from = end + 2;
        let Some(to) = from.checked_add(length).filter(|to| rest.len() >= to.saturating_add(2))
        else {
            return Ok(None);
        };
        if length == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&rest[from..to]);
        rest = &rest[to + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_tell_the_status_and_the_length() {
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(head_of(head).unwrap(), (201, Length::Known(12)));
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(head_of(head).unwrap(), (200, Length::Pieces));
        assert_eq!(head_of(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), (204, Length::Known(0)));
        assert!(head_of(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn pieces_are_joined_once_the_last_one_is_there() {
        let whole = b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(joined(whole).unwrap().unwrap(), b"abc0123456789");
        for cut in 0..whole.len() {
            assert_eq!(joined(&whole[..cut]).unwrap(), None, "{cut}");
        }
        assert!(joined(b"what\r\n").is_err());
        assert_eq!(joined(b"ffffffffffffffff\r\n").unwrap(), None);
    }

    #[test]
    fn places_are_addresses_of_http() {
        let place: Place = "http://127.0.0.1:80/".parse().unwrap();
        assert_eq!(place.0.to_string(), "127.0.0.1:80");
        assert_eq!("https://127.0.0.1:80".parse::<Place>(), Err(InvalidPlace));
        assert_eq!("http://127.0.0.1".parse::<Place>(), Err(InvalidPlace));
    }
}

//! Which names this server answers to.
//!
//! A page from elsewhere can have a browser send requests to a server on loopback, by
//! a name of its own that it lets point there (DNS rebinding). It cannot have it send
//! another `Host` than that name, nor leave `Origin` out of what changes something.

use std::{net::IpAddr, str::FromStr};

use api::ErrorCode;
use axum::http::{HeaderMap, StatusCode, Uri, header, uri::Authority};

use super::Failure;

/// The name of a host, in lower case, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

/// The text is no host's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a host's name such as sandbox.example.org")]
pub struct InvalidHostName {
    /// What was given.
    pub text: String,
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let is_name = (1..=253).contains(&text.len()) && text.bytes().all(is_part);
        let invalid = || InvalidHostName { text: text.to_owned() };
        is_name.then(|| Self(text.to_ascii_lowercase())).ok_or_else(invalid)
    }
}

/// Refuses a request that is meant for another server, or sent by another's page.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, own: &[HostName]) -> Result<(), Failure> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Failure::malformed("a request has exactly one header Host"));
    };
    let host = host.to_str().ok().and_then(|text| Authority::from_str(text).ok());
    let Some(host) = host else {
        return Err(Failure::malformed("the header Host names no host"));
    };
    let misdirected = || {
        let message = "this server does not answer to the host that the request names";
        Failure::new(StatusCode::MISDIRECTED_REQUEST, ErrorCode::Forbidden, message)
            .hint("use its address, or have the operator add the name to the setting `hosts`")
    };
    if !is_own(&host, own) || uri.authority().is_some_and(|named| !is_own(named, own)) {
        return Err(misdirected());
    }
    check_origin(headers, &host, own)
}

fn check_origin(headers: &HeaderMap, host: &Authority, own: &[HostName]) -> Result<(), Failure> {
    let foreign = || {
        let message = "requests from other sites' pages are not taken";
        Failure::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
    };
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if site == Some(b"cross-site") {
        return Err(foreign());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let text = origin.to_str().map_err(|_| foreign())?;
    let bare = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let named = bare.and_then(|text| Authority::from_str(text).ok()).ok_or_else(foreign)?;
    let is_same = named.as_str().eq_ignore_ascii_case(host.as_str());
    let is_listed = own.iter().any(|name| name.0.eq_ignore_ascii_case(named.host()));
    if is_same || is_listed { Ok(()) } else { Err(foreign()) }
}

/// An address cannot be made to point elsewhere; a name has to be known.
fn is_own(named: &Authority, own: &[HostName]) -> bool {
    if named.as_str().contains('@') {
        return false;
    }
    let name = named.host();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || own.iter().any(|own| own.0.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn status(uri: &str, headers: &[(&'static str, &'static str)]) -> u16 {
        let own = ["sandbox.example.org".parse().unwrap()];
        let map = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let map: HeaderMap = map.collect();
        let uri = uri.parse().unwrap();
        check(&uri, &map, &own).map_or_else(|failure| failure.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_its_own_names_are_answered() {
        let table: [(&[(&str, &str)], u16); 12] = [
            (&[("host", "127.0.0.1:8787")], 200),
            (&[("host", "[::1]:8787")], 200),
            (&[("host", "localhost")], 200),
            (&[("host", "SANDBOX.example.org:443")], 200),
            (&[("host", "evil.example")], 421),
            (&[("host", "localhost.evil.example")], 421),
            (&[("host", "evil@localhost")], 421),
            (&[("host", "")], 400),
            (&[], 400),
            (&[("host", "localhost"), ("origin", "http://localhost")], 200),
            (&[("host", "localhost"), ("origin", "https://evil.example")], 403),
            (&[("host", "localhost"), ("origin", "null")], 403),
        ];
        for (headers, expected) in table {
            assert_eq!(status("/", headers), expected, "{headers:?}");
        }
        assert_eq!(status("http://evil.example/", &[("host", "localhost")]), 421);
        assert_eq!(status("/", &[("host", "localhost"), ("sec-fetch-site", "cross-site")]), 403);
    }

    #[test]
    fn a_host_name_has_no_port_and_no_wildcard() {
        for text in ["", "a b", "*.example.org", "example.org:80", "a/b"] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}

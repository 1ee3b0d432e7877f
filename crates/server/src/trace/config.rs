//! Where spans are sent.

use std::fmt;

use hyper::{
    HeaderMap, Uri,
    header::{HeaderName, HeaderValue},
};

/// Where spans are sent, and under which name.
#[derive(Clone)]
pub struct Traces {
    pub(super) endpoint: Uri,
    pub(super) headers: HeaderMap,
    pub(super) service_name: String,
}

/// Why nothing can be sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTraces {
    /// It is not an address.
    #[error("expected an http or https URL without a user name")]
    Endpoint,
    /// They are not headers.
    #[error("expected KEY=VALUE,KEY=VALUE")]
    Headers,
}

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold keys of the collector, and an address may.
        formatter
            .debug_struct("Traces")
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}

impl Traces {
    /// Spans go to this URL, as they are posted to `/v1/traces` of a collector.
    ///
    /// # Errors
    /// It is not the URL of a host.
    pub fn new(endpoint: &str, service_name: String) -> Result<Self, InvalidTraces> {
        let endpoint: Uri = endpoint.parse().map_err(|_| InvalidTraces::Endpoint)?;
        let is_http = matches!(endpoint.scheme_str(), Some("http" | "https"));
        let has_host = endpoint.authority().is_some_and(|authority| {
            !authority.host().is_empty() && !authority.as_str().contains('@')
        });
        if !is_http || !has_host {
            return Err(InvalidTraces::Endpoint);
        }
        Ok(Self { endpoint, headers: HeaderMap::new(), service_name })
    }

    /// With headers, as `KEY=VALUE,KEY=VALUE`; values may be percent-encoded.
    ///
    /// # Errors
    /// They are not headers.
    pub fn with_headers(mut self, text: &str) -> Result<Self, InvalidTraces> {
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(InvalidTraces::Headers)?;
            let key: HeaderName = key.trim().parse().map_err(|_| InvalidTraces::Headers)?;
            let value = HeaderValue::from_bytes(&decoded(value.trim()));
            let mut value = value.map_err(|_| InvalidTraces::Headers)?;
            value.set_sensitive(true);
            self.headers.insert(key, value);
        }
        Ok(self)
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_other_programs_read_them() {
        let traces = || Traces::new("https://collector:4318/v1/traces", "x".to_owned()).unwrap();
        let read = traces().with_headers("authorization=Bearer%20abc, x-team = a=b%zz").unwrap();
        assert_eq!(read.headers["authorization"], "Bearer abc");
        assert_eq!(read.headers["x-team"], "a=b%zz");
        assert!(!format!("{read:?}").contains("abc"));
        for bad in ["authorization", "a b=c", "a=%0a"] {
            assert_eq!(traces().with_headers(bad).err(), Some(InvalidTraces::Headers), "{bad}");
        }
        for bad in ["", "collector:4318", "ftp://collector", "http://u:p@collector", "http://"] {
            assert!(Traces::new(bad, String::new()).is_err(), "{bad}");
        }
    }
}

//! Which addresses a client may name for its tools.

use hyper::{Uri, http::uri::Authority};

/// The longest address.
const URL_BYTES_MAX: usize = 4096;

/// Why tools cannot be called where a client wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// There is no address.
    #[error("callback_url must not be empty")]
    EmptyUrl,
    /// There is no token.
    #[error("token must not be empty")]
    EmptyToken,
    /// The address is not one that can be asked.
    #[error("callback_url must be an http or https URL without a user name")]
    Url,
    /// The operator does not allow this host.
    #[error("callback_url names a host that this server's operator does not allow")]
    Host,
    /// The token cannot stand in a header.
    #[error("token must be visible ASCII characters")]
    Token,
}

/// Reads an address, if its host is one of these.
pub(super) fn address(url: &str, hosts: Option<&[String]>) -> Result<Uri, CallbackError> {
    if url.is_empty() {
        return Err(CallbackError::EmptyUrl);
    }
    if url.len() > URL_BYTES_MAX {
        return Err(CallbackError::Url);
    }
    let uri: Uri = url.parse().map_err(|_| CallbackError::Url)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().filter(|authority| {
        is_http && !authority.host().is_empty() && !authority.as_str().contains('@')
    });
    let authority = authority.ok_or(CallbackError::Url)?;
    if hosts.is_some_and(|hosts| !hosts.iter().any(|host| names(host, authority))) {
        return Err(CallbackError::Host);
    }
    Ok(uri)
}

/// Whether the operator's words name this host: with its port, or for any port.
fn names(allowed: &str, authority: &Authority) -> bool {
    allowed.eq_ignore_ascii_case(authority.host())
        || allowed.eq_ignore_ascii_case(authority.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_http_and_allowed() {
        use CallbackError::{EmptyUrl, Host, Url};
        let hosts = ["tools.example".to_owned(), "10.0.0.1:8080".to_owned(), "[::1]".to_owned()];
        let hosts = Some(&hosts[..]);
        let table = [
            ("http://tools.example/call?x=1", hosts, None),
            ("https://TOOLS.example:8443/", hosts, None),
            ("http://10.0.0.1:8080", hosts, None),
            ("http://[::1]:99/a", hosts, None),
            ("http://10.0.0.1:8081", hosts, Some(Host)),
            ("http://10.0.0.1", hosts, Some(Host)),
            ("http://tools.example.evil/", hosts, Some(Host)),
            ("http://evil/tools.example", hosts, Some(Host)),
            ("http://anything", Some(&[]), Some(Host)),
            ("http://anything", None, None),
            ("", None, Some(EmptyUrl)),
            ("/call", None, Some(Url)),
            ("tools.example", None, Some(Url)),
            ("tools.example:80", None, Some(Url)),
            ("ftp://tools.example/", None, Some(Url)),
            ("file:///etc/passwd", None, Some(Url)),
            ("http://", None, Some(Url)),
            ("http://:80/", None, Some(Url)),
            ("http://user:word@tools.example/", hosts, Some(Url)),
            ("http://tools.example@evil/", hosts, Some(Url)),
            ("http://a b/", None, Some(Url)),
            ("http://a/\r\nX: y", None, Some(Url)),
        ];
        for (url, hosts, error) in table {
            assert_eq!(address(url, hosts).err(), error, "{url}");
        }
        let long = format!("http://a/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(address(&long, None).err(), Some(Url));
    }
}

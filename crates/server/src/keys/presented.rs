//! The key that a request shows, from its headers alone. Pure.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};

use super::text::KeyText;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The one scheme of `Authorization` that we speak.
const SCHEME: &[u8] = b"bearer";

/// A key as a request shows it: of the right form, and not yet looked up.
#[derive(Clone, Debug)]
pub struct Presented(pub(super) KeyText);

/// Why a request is not let in. What it showed is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedCredentials {
    /// A header has bytes that no key can have: 400.
    #[error("the header with the key holds bytes that are not visible ASCII")]
    IllegalBytes,
    /// No key that is good, whatever the reason: 401, the same for all of them.
    #[error("a key is needed that is known, not revoked and not expired")]
    NotAuthenticated,
}

impl Presented {
    /// Reads `Authorization: Bearer KEY` or `X-API-Key: KEY`. There must be one of them,
    /// once: of two, somebody on the way may have checked the other.
    ///
    /// # Errors
    /// There is none or more than one, or it is not of the form that our keys have.
    pub fn read(headers: &HeaderMap) -> Result<Self, RefusedCredentials> {
        let authorization = headers.get_all(AUTHORIZATION).iter().map(|value| (value, true));
        let api_key = headers.get_all(X_API_KEY).iter().map(|value| (value, false));
        let shown: Vec<_> = authorization.chain(api_key).take(2).collect();
        if shown.iter().any(|(value, _)| !is_legal(value)) {
            return Err(RefusedCredentials::IllegalBytes);
        }
        let [(value, has_scheme)] = shown[..] else {
            return Err(RefusedCredentials::NotAuthenticated);
        };
        let key = if has_scheme { after_scheme(value.as_bytes()) } else { Some(value.as_bytes()) };
        let text = key.and_then(KeyText::read).ok_or(RefusedCredentials::NotAuthenticated)?;
        Ok(Self(text))
    }
}

fn is_legal(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    let key = rest.trim_ascii_start();
    let is_ours = scheme.eq_ignore_ascii_case(SCHEME) && rest.starts_with(b" ");
    is_ours.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'static str, &'a [u8])];

    fn headers(pairs: Pairs<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn exactly_one_key_of_the_right_form_is_taken() {
        let key = KeyText::generate().unwrap();
        let bearer = format!("Bearer {}", key.reveal()).into_bytes();
        let bare = key.reveal().into_bytes();
        let good: [Pairs<'_>; 5] = [
            &[("authorization", &bearer)],
            &[("authorization", &[b"bEARER   ", &*bare].concat())],
            &[("x-api-key", &bare)],
            &[("x-api-key", &bare), ("cookie", &bearer)],
            &[("authorization", &bearer), ("x-forwarded-for", b"\xff")],
        ];
        for pairs in good {
            let read = Presented::read(&headers(pairs)).unwrap();
            assert_eq!(read.0.reveal(), key.reveal(), "{pairs:?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use RefusedCredentials::{IllegalBytes, NotAuthenticated};
        let key = KeyText::generate().unwrap().reveal();
        let bearer = format!("Bearer {key}").into_bytes();
        let bare = key.clone().into_bytes();
        let basic = format!("Basic {key}").into_bytes();
        let unspaced = format!("Bearer{key}").into_bytes();
        let tabbed = format!("Bearer\t{key}").into_bytes();
        let listed = format!("Bearer {key}, Bearer {key}").into_bytes();
        let long = format!("Bearer cbk_{}", "a".repeat(8 << 10)).into_bytes();
        let foreign = b"Bearer eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJvdGhlciJ9.c2ln";
        let table: [(Pairs<'_>, RefusedCredentials); 18] = [
            (&[], NotAuthenticated),
            (&[("authorization", b"")], NotAuthenticated),
            (&[("authorization", b"Bearer")], NotAuthenticated),
            (&[("authorization", b"Bearer ")], NotAuthenticated),
            (&[("authorization", &bare)], NotAuthenticated),
            (&[("authorization", &basic)], NotAuthenticated),
            (&[("authorization", &unspaced)], NotAuthenticated),
            (&[("authorization", &tabbed)], NotAuthenticated),
            (&[("authorization", &listed)], NotAuthenticated),
            (&[("authorization", &long)], NotAuthenticated),
            (&[("authorization", foreign)], NotAuthenticated),
            (&[("authorization", &bearer), ("authorization", &bearer)], NotAuthenticated),
            (&[("x-api-key", &bare), ("x-api-key", &bare)], NotAuthenticated),
            (&[("authorization", &bearer), ("x-api-key", &bare)], NotAuthenticated),
            (&[("x-api-key", &bearer)], NotAuthenticated),
            (&[("cookie", &bare), ("x-token", &bare)], NotAuthenticated),
            (&[("authorization", &[&*bearer, b"\xe9"].concat())], IllegalBytes),
            (&[("x-api-key", b"\x80")], IllegalBytes),
        ];
        for (pairs, expected) in table {
            assert_eq!(Presented::read(&headers(pairs)).unwrap_err(), expected, "{pairs:?}");
        }
        // NUL and line breaks are no header's value to begin with.
        for bytes in [&b"a\0"[..], b"a\r\nb", b"\x7f"] {
            assert!(HeaderValue::from_bytes(bytes).is_err(), "{bytes:?}");
        }
    }
}

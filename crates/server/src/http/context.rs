//! What is known of the request under way, for whoever answers or logs it.

use uuid::Uuid;

use crate::trace::SpanContext;

/// Whose words an answer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Our own.
    Own,
    /// Those of the session protocol at `/sessions`, and of whoever looks for what is
    /// not there.
    Otari,
}

/// Paths of our own outside of `/v1`.
const OWN_PATHS: [&str; 7] =
    ["/mcp", "/ready", "/metrics", "/openapi.json", "/docs", "/docs.js", "/docs.css"];
/// The longest id that a client may give its request.
const REQUEST_ID_MAX: usize = 128;

#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) request_id: String,
    pub(crate) dialect: Dialect,
    pub(crate) span: Option<SpanContext>,
}

tokio::task_local! {
    static CONTEXT: Context;
}

impl Context {
    /// The context of a request, from what it says of itself.
    pub(crate) fn new(path: &str, given_id: Option<&[u8]>) -> Self {
        let request_id = given_id.and_then(sane).unwrap_or_else(|| Uuid::now_v7().to_string());
        Self { request_id, dialect: Dialect::of(path), span: None }
    }

    /// Runs what answers the request.
    pub(crate) async fn around<T>(self, answer: impl Future<Output = T>) -> T {
        CONTEXT.scope(self, answer).await
    }
}

impl Dialect {
    fn of(path: &str) -> Self {
        let is_own = OWN_PATHS.contains(&path) || path == "/v1" || path.starts_with("/v1/");
        if is_own { Self::Own } else { Self::Otari }
    }
}

/// A request's id as its client gave it, if it can stand in a header and in a log.
fn sane(given: &[u8]) -> Option<String> {
    let text = str::from_utf8(given).ok()?;
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    let fits = (1..=REQUEST_ID_MAX).contains(&text.len());
    (fits && text.bytes().all(is_sane)).then(|| text.to_owned())
}

/// What is known of the request under way.
pub(crate) fn current() -> Option<Context> {
    CONTEXT.try_with(Context::clone).ok()
}

/// The id of the request under way.
pub(crate) fn request_id() -> String {
    CONTEXT.try_with(|context| context.request_id.clone()).unwrap_or_default()
}

/// The span of the request under way, where there are traces.
pub(crate) fn span() -> Option<SpanContext> {
    CONTEXT.try_with(|context| context.span).ok().flatten()
}

/// Whose words the answer speaks.
pub(crate) fn dialect() -> Dialect {
    CONTEXT.try_with(|context| context.dialect).unwrap_or(Dialect::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sane_id_is_taken_over() {
        let long = "x".repeat(REQUEST_ID_MAX + 1);
        let table: [(&[u8], bool); 6] = [
            (b"abc-1", true),
            (b"0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a", true),
            (b"", false),
            (b"a b", false),
            (b"\x1b[31m", false),
            (long.as_bytes(), false),
        ];
        for (given, is_sane) in table {
            let context = Context::new("/v1/runs", Some(given));
            assert_eq!(context.request_id.as_bytes() == given, is_sane, "{given:?}");
            assert!(!context.request_id.is_empty());
        }
    }

    #[test]
    fn the_path_tells_whose_words_are_spoken() {
        assert_eq!(Dialect::of("/sessions"), Dialect::Otari);
        assert_eq!(Dialect::of("/sessions/x/exec"), Dialect::Otari);
        assert_eq!(Dialect::of("/health"), Dialect::Otari);
        assert_eq!(Dialect::of("/nowhere"), Dialect::Otari);
        assert_eq!(Dialect::of("/metrics"), Dialect::Own);
        assert_eq!(Dialect::of("/v1/sessions"), Dialect::Own);
    }
}

//! Which env vars of an operator tell an installer where packages come from
//! and how to get there.

/// Beginnings of the names of installers' own settings.
const PREFIXES: [&str; 2] = ["PIP_", "UV_"];

/// What else installers go by: home, proxies, certificates, places for files.
const NAMES: [&str; 16] = [
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "NETRC",
    "NO_PROXY",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// Whether an env var is one that installers are to get.
#[must_use]
pub fn is_for_installer(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

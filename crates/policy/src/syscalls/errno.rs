//! The errors that verdicts may name. Shared with the build script, so that it
//! holds nothing but this list; the numbers are the same on every processor we
//! know.

/// Each error's name and number.
pub(crate) const ERRNOS: [(&str, u16); 7] = [
    ("EPERM", 1),
    ("ENOMEM", 12),
    ("EACCES", 13),
    ("EINVAL", 22),
    ("ENOSYS", 38),
    ("EPROTONOSUPPORT", 93),
    ("EAFNOSUPPORT", 97),
];

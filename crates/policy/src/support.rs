//! What a host can enforce, as its backend found out.

use std::collections::BTreeMap;

use api::{Control, EnforcementLevel};

/// How far one control can be had here, and how to mend it where it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Support {
    /// How far.
    pub level: EnforcementLevel,
    /// By which mechanism, or why not.
    pub detail: String,
    /// What the operator can do about it.
    pub remedy: Option<String>,
}

/// What a host can enforce. A control that is not listed is believed to be
/// there: the launch finds out, and is refused if it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSupport {
    /// The controls known to be lacking or partial.
    pub controls: BTreeMap<Control, Support>,
}

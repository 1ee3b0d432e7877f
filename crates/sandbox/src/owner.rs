//! Whose a sandbox is.

use std::sync::Arc;

/// Whose a sandbox is: the processors are shared between owners first, and then
/// between the sandboxes of each. It is part of who asks, not of what is asked, and
/// so no part of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner(Arc<str>);

impl Owner {
    /// The owner of a name, which may be any text and is never shown.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

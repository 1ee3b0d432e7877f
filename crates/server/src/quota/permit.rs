//! What was taken. Dropping it gives it back.

use super::Quotas;
use crate::keys::TenantId;

/// What a permit stands for.
#[derive(Debug)]
pub(super) enum Held {
    Run { tenant: TenantId },
    Session { tenant: TenantId, workspace_bytes: u64 },
    Stream { tenant: TenantId },
    Connection,
}

macro_rules! permit {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Debug)]
        #[must_use = "dropping it gives it back"]
        pub struct $name(Option<(Quotas, Held)>);

        impl $name {
            pub(super) fn new(quotas: &Quotas, held: Held) -> Self {
                Self(Some((quotas.clone(), held)))
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if let Some((quotas, held)) = self.0.take() {
                    quotas.give_back(&held);
                }
            }
        }
    };
}

permit!(
    /// Room for one run, turn or command.
    RunPermit
);
permit!(
    /// Room for one session with its workspace.
    SessionPermit
);
permit!(
    /// Room for one stream.
    StreamPermit
);
permit!(
    /// Room for one connection.
    ConnectionPermit
);

impl RunPermit {
    /// Forgets what nobody took, for its giver to take back: dropping it would want the
    /// lock that the giver holds.
    pub(super) fn unmake(mut self) {
        self.0 = None;
    }
}

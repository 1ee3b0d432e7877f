//! On whose behalf a request is made, and what it may do.

use std::{fmt, str::FromStr};

use engine::Asker;

use super::text::KeyId;

/// Room for a readable name; it becomes a label of metrics and logs.
const TENANT_LENGTH_MAX: usize = 63;

/// The tenant of the person who uses a server without keys.
const LOCAL: &str = "local";

/// Names a tenant: `[a-z0-9][a-z0-9_-]{0,62}`. Tenants see nothing of each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

/// The text is not the name of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a tenant: expected up to {TENANT_LENGTH_MAX} lower-case letters, digits, `-` and `_`, \
     a letter or digit first"
)]
pub struct InvalidTenant;

impl TenantId {
    /// The person on this machine, who needs no key where there are none.
    #[must_use]
    pub fn local() -> Self {
        Self(LOCAL.to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenant;

    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = text.bytes().next().is_some_and(is_plain);
        let is_whole = text.bytes().all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_'));
        if begins_well && is_whole && text.len() <= TENANT_LENGTH_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTenant)
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a key is good for. Each scope holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To look at what the tenant has.
    Read,
    /// To run code and change files as well.
    Run,
    /// To see how the server fares as well.
    Admin,
}

/// The text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: expected read, run or admin")]
pub struct InvalidScope;

impl Scope {
    /// Every scope, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Run, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Admin => "admin",
        }
    }

    /// Whether it is enough where another one is needed.
    #[must_use]
    pub fn allows(self, needed: Self) -> bool {
        self >= needed
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(InvalidScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose sessions and runs the request sees.
    pub tenant: TenantId,
    /// What it may do.
    pub scope: Scope,
    /// The key that it came with; `None` where none is needed.
    pub key_id: Option<KeyId>,
}

impl Principal {
    /// The person on this machine, who may do everything.
    #[must_use]
    pub fn local() -> Self {
        Self { tenant: TenantId::local(), scope: Scope::Admin, key_id: None }
    }

    /// On whose account goes what it asks for.
    #[must_use]
    pub fn asker(&self) -> Asker {
        Asker::new(self.tenant.as_str(), &self.name())
    }

    /// The id of its key, or that of the person on this machine.
    #[must_use]
    pub fn name(&self) -> String {
        self.key_id.as_ref().map_or_else(|| LOCAL.to_owned(), ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_plain_names() {
        let longest = "a".repeat(TENANT_LENGTH_MAX);
        for good in ["a", "0", "team-1_x", "a-", longest.as_str()] {
            assert_eq!(good.parse::<TenantId>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(TENANT_LENGTH_MAX + 1);
        for bad in ["", "-a", "_a", "A", "a b", "a/b", "a\0", "a\n", "ä", "a.b", too_long.as_str()]
        {
            assert_eq!(bad.parse::<TenantId>(), Err(InvalidTenant), "{bad:?}");
        }
        assert_eq!(LOCAL.parse(), Ok(TenantId::local()));
    }

    #[test]
    fn each_scope_holds_those_before_it() {
        for (at, scope) in Scope::ALL.into_iter().enumerate() {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            for (below, needed) in Scope::ALL.into_iter().enumerate() {
                assert_eq!(scope.allows(needed), below <= at, "{scope} for {needed}");
            }
        }
        assert_eq!("Read".parse::<Scope>(), Err(InvalidScope));
    }
}

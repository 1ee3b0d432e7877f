//! Who may call the server: keys, the tenants that they speak for, and their scopes.
//!
//! A key is a secret of 256 random bits. Of that, one SHA-256 is as good as a slow
//! hash: nobody can try enough secrets to find one. The file never holds a secret,
//! and no error or debug text of this module shows one.

mod clock;
mod failure;
mod file;
mod place;
mod presented;
mod principal;
mod record;
mod roll;
#[cfg(test)]
mod scratch;
mod store;
mod text;
mod watch;

pub use failure::KeyError;
pub use place::Unsafe;
pub use presented::{Presented, RefusedCredentials};
pub use principal::{InvalidScope, InvalidTenant, Principal, Scope, TenantId};
pub use record::{InvalidName, KeyInfo, KeyName};
pub use store::{CreatedKey, KeyStore, NewKey};
pub use text::{InvalidKeyId, KeyId, KeyText};
pub use watch::Keys;

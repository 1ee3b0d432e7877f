//! What single tenants of a server may have. Their names are no keys, so that this is
//! said in tables of the file, `[tenants.NAME]`, and nowhere else.

use std::{collections::BTreeMap, path::Path};

use server::keys::{InvalidTenant, TenantId};

use super::{ConfigError, Source, TenantSettings, Value, keys::set, plain_text};
use crate::{args::parse_count, size};

/// What the file calls them.
pub(super) const TABLE: &str = "tenants";

/// One key of a tenant's table. With `tenant_` before it, it is the key of what all
/// tenants have that are not named.
struct TenantKey {
    name: &'static str,
    apply: fn(&str, &mut TenantSettings) -> Result<(), String>,
}

const TENANT_KEYS: &[TenantKey] = &[
    TenantKey {
        name: "sessions_max",
        apply: |text, tenant| set(&mut tenant.sessions_max, parse_count(text)),
    },
    TenantKey {
        name: "runs_max",
        apply: |text, tenant| set(&mut tenant.runs_max, parse_count(text)),
    },
    TenantKey {
        name: "runs_per_minute",
        apply: |text, tenant| set(&mut tenant.runs_per_minute, parse_count(text)),
    },
    TenantKey {
        name: "workspace_size",
        apply: |text, tenant| set(&mut tenant.workspace_bytes, size::parse(text)),
    },
];

/// What one tenant may have, as it was written and as it is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) values: BTreeMap<&'static str, Value>,
    pub(super) settings: TenantSettings,
}

/// Reads the tables of all tenants.
///
/// # Errors
/// There is a name that no tenant can have, a key that is none, or a value that makes
/// no sense.
pub(super) fn read(
    path: &Path,
    tables: toml::Value,
) -> Result<BTreeMap<TenantId, Tenant>, ConfigError> {
    let mut tenants = BTreeMap::new();
    for (name, table) in entries(path, TABLE, tables)? {
        let place = format!("{TABLE}.{name}");
        let id = name.parse().map_err(|error: InvalidTenant| bad(path, &place, error))?;
        tenants.insert(id, tenant(path, &place, table)?);
    }
    Ok(tenants)
}

fn tenant(path: &Path, place: &str, table: toml::Value) -> Result<Tenant, ConfigError> {
    let mut tenant = Tenant::default();
    for (name, value) in entries(path, place, table)? {
        let place = format!("{place}.{name}");
        let Some(key) = TENANT_KEYS.iter().find(|key| key.name == name) else {
            let known = TENANT_KEYS.iter().map(|key| key.name).collect();
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key: place, known });
        };
        let text = plain_text(value).ok_or_else(|| bad(path, &place, "expected a number"))?;
        (key.apply)(&text, &mut tenant.settings).map_err(|why| bad(path, &place, why))?;
        tenant.values.insert(key.name, Value { text, source: Source::File(path.to_owned()) });
    }
    Ok(tenant)
}

fn entries(path: &Path, place: &str, value: toml::Value) -> Result<toml::Table, ConfigError> {
    match value {
        toml::Value::Table(table) => Ok(table),
        _ => Err(bad(path, place, "expected a table such as [tenants.acme]")),
    }
}

fn bad(path: &Path, place: &str, reason: impl ToString) -> ConfigError {
    let origin = Source::File(path.to_owned());
    ConfigError::BadValue { key: place.to_owned(), origin, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<BTreeMap<TenantId, Tenant>, ConfigError> {
        let mut table: toml::Table = text.parse().unwrap();
        read(Path::new("c.toml"), table.remove(TABLE).unwrap())
    }

    #[test]
    fn a_tenant_has_what_its_table_says_and_no_more() {
        let tenants = of("[tenants.acme]\nsessions_max = 200\nworkspace_size = '1T'\n\
                          [tenants.bee]\nruns_max = 1\nruns_per_minute = '6'\n");
        let tenants = tenants.unwrap();
        let settings = |name: &str| tenants[&name.parse().unwrap()].settings.clone();
        let acme = TenantSettings {
            sessions_max: Some(200),
            workspace_bytes: Some(1 << 40),
            ..TenantSettings::default()
        };
        assert_eq!(settings("acme"), acme);
        let bee = TenantSettings {
            runs_max: Some(1),
            runs_per_minute: Some(6),
            ..TenantSettings::default()
        };
        assert_eq!(settings("bee"), bee);
    }

    #[test]
    fn mistakes_are_named_with_their_tenant() {
        let table = [
            ("tenants = 3", "tenants from file c.toml cannot be used: expected a table"),
            ("[tenants.Acme]", "tenants.Acme from file c.toml cannot be used: not a tenant"),
            ("[tenants]\nacme = 3", "tenants.acme from file c.toml cannot be used: expected a"),
            ("[tenants.acme]\nruns = 3", "has an unknown key \"tenants.acme.runs\""),
            ("[tenants.acme]\nruns_max = 0", "tenants.acme.runs_max from file c.toml cannot be"),
            ("[tenants.acme]\nsessions_max = -1", "tenants.acme.sessions_max from file c.toml"),
            ("[tenants.acme]\nworkspace_size = 'big'", "\"big\" is not a size"),
            ("[tenants.acme.runs_max]", "tenants.acme.runs_max from file c.toml cannot be used"),
        ];
        for (text, expected) in table {
            let message = of(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
        let hint = of("[tenants.acme]\nruns = 3").unwrap_err().hint().unwrap();
        assert_eq!(hint, "the keys are sessions_max, runs_max, runs_per_minute, workspace_size");
    }
}

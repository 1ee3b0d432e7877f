//! `config show`: every value with its source.

use serde::Serialize;

use super::Context;
use crate::{
    args::FormatArgs,
    config::{Key, Value, all_keys},
    exit,
    failure::Failure,
    render::{self, Table},
};

#[derive(Serialize)]
struct ValueJson {
    key: String,
    value: Option<String>,
    source: Option<String>,
    /// What else could have said it; a tenant's can only be in the file.
    env_var: Option<&'static str>,
    about: &'static str,
}

/// Prints every key.
pub(super) fn show(format: FormatArgs, context: &Context) -> Result<u8, Failure> {
    let rows: Vec<_> = all_keys().map(|key| row(key, context)).chain(tenants(context)).collect();
    if format.json {
        render::pretty_json(&rows)?;
        return Ok(exit::SUCCESS);
    }
    let mut table = Table::new(&["KEY", "VALUE", "SOURCE"]);
    for row in &rows {
        let source = row.source.as_deref().unwrap_or("-");
        table.row(&[&row.key, row.value.as_deref().unwrap_or("-"), source]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))?;
    Ok(exit::SUCCESS)
}

fn row(key: &Key, context: &Context) -> ValueJson {
    let value = context.config.values.get(key.name);
    ValueJson {
        key: key.name.to_owned(),
        value: value.map(|value| (key.shown)(&value.text)),
        source: value.map(|value| value.source.to_string()),
        env_var: Some(key.env_var),
        about: key.about,
    }
}

/// What tenants have that are named.
fn tenants(context: &Context) -> impl Iterator<Item = ValueJson> {
    context.config.tenants.iter().flat_map(|(id, tenant)| {
        let row = move |(name, value): (&&'static str, &Value)| ValueJson {
            key: format!("tenants.{id}.{name}"),
            value: Some(value.text.clone()),
            source: Some(value.source.to_string()),
            env_var: None,
            about: "the same for this tenant alone",
        };
        tenant.values.iter().map(row)
    })
}

//! Types as JSON Schema that stands alone: the same derives describe them in the
//! document of the HTTP API. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// Where the derives say that other types are.
const COMPONENTS: &str = "#/components/schemas/";
/// Where they are in a schema that stands alone.
const DEFS: &str = "#/$defs/";

/// A type as JSON Schema, with what it refers to inside.
pub(super) fn of<T: ToSchema>() -> Map<String, Value> {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let named: BTreeMap<_, _> = named.into_iter().collect();
    let (mut root, mut wanted) = alone(&T::schema());
    let mut defs = Map::new();
    while let Some(name) = wanted.pop_first() {
        let Some(schema) = named.get(&name).filter(|_| !defs.contains_key(&name)) else { continue };
        let (schema, more) = alone(schema);
        defs.insert(name, Value::Object(schema));
        wanted.extend(more);
    }
    // Clients take nothing for arguments, and most nothing for results, but an object.
    root.entry("type").or_insert_with(|| "object".into());
    if !defs.is_empty() {
        root.insert("$defs".to_owned(), Value::Object(defs));
    }
    root
}

/// A schema whose references point into itself, and the names that they have there.
fn alone(schema: &RefOr<Schema>) -> (Map<String, Value>, BTreeSet<String>) {
    // What a derive made can always be written down.
    let mut value = serde_json::to_value(schema).unwrap_or_default();
    let mut names = BTreeSet::new();
    point_inside(&mut value, &mut names);
    match value {
        Value::Object(schema) => (schema, names),
        _ => (Map::new(), names),
    }
}

fn point_inside(value: &mut Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(place)) = fields.get_mut("$ref")
                && let Some(name) = place.strip_prefix(COMPONENTS).map(str::to_owned)
            {
                *place = format!("{DEFS}{name}");
                names.insert(name);
            }
            fields.values_mut().for_each(|value| point_inside(value, names));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| point_inside(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "it is described and never made")]
    struct Leaf {
        size_bytes: u64,
    }

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "it is described and never made")]
    struct Branch {
        leaf: Option<Leaf>,
    }

    #[derive(serde::Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is described and never made")]
    struct Flat {
        /// What it is.
        text: String,
    }

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "it is described and never made")]
    struct Tree {
        branches: Vec<Branch>,
    }

    #[test]
    fn everything_that_is_referred_to_is_inside() {
        let schema = Value::Object(of::<Tree>());
        assert_eq!(schema["properties"]["branches"]["items"]["$ref"], "#/$defs/Branch");
        assert_eq!(schema["$defs"]["Leaf"]["type"], "object");
        assert!(!schema.to_string().contains("#/components"), "{schema}");
    }

    #[test]
    fn what_refers_to_nothing_has_no_definitions() {
        let schema = Value::Object(of::<Flat>());
        assert_eq!(schema.get("$defs"), None);
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["required"], json!(["text"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["text"]["description"], "What it is.");
    }
}

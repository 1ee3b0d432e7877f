//! Reads JSON values that user code made.
//!
//! The JSON library's own reader of values does more than read: where a feature of it
//! is on, as it is for any program that links an HTTP server of the usual kind, an
//! object with a key of the library's own is taken for JSON in a string and read in
//! turn. What user code writes there would be neither counted nor bounded in depth.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads values by name, as they are written.
pub(crate) fn by_name<'de, D>(deserializer: D) -> Result<BTreeMap<String, Value>, D::Error>
where
    D: Deserializer<'de>,
{
    let read = BTreeMap::<String, Written>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(name, Written(value))| (name, value)).collect())
}

/// A value as it is written.
struct Written(Value);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Written(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some((name, Written(value))) = members.next_entry()? {
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(deserialize_with = "by_name")]
        data: BTreeMap<String, Value>,
    }

    fn read(data: &str) -> Result<Value, serde_json::Error> {
        let body: Body = serde_json::from_str(&format!(r#"{{"data":{{"a":{data}}}}}"#))?;
        Ok(body.data["a"].clone())
    }

    #[test]
    fn values_are_read_as_the_library_reads_them() {
        for text in [
            "null",
            "true",
            "-9223372036854775808",
            "18446744073709551615",
            "1e3",
            "123456789012345678901234567890",
            "\"\\u00e9\\n\"",
            "[]",
            "[1,[\"x\",{}]]",
            "{\"a\":{\"b\":[null]},\"\":0}",
        ] {
            assert_eq!(read(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        let deep = |depth| read(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(deep(100).is_ok() && deep(200).is_err());
        assert!(read("1e999").is_err());
    }

    #[test]
    fn no_key_is_more_than_a_key() {
        for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let text = format!(r#"{{{key:?}: "[[1, 2]]"}}"#);
            assert_eq!(read(&text).unwrap()[key], "[[1, 2]]");
            // The library would do it.
            if key.ends_with("RawValue") {
                let read: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(read, serde_json::json!([[1, 2]]));
            }
        }
    }
}

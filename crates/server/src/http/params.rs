//! The part of an address behind the question mark, refused in our shape.

use std::error::Error;

use axum::{
    extract::{FromRequestParts, Query, rejection::QueryRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::Failure;

/// What those who read parameters say, and how it is said to who sent them.
const PLAIN: [(&str, &str); 8] = [
    ("invalid digit found in string", "it has to be a whole number that is not negative"),
    ("cannot parse integer from empty string", "the number is missing"),
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
    ("provided string was not `true` or `false`", "it has to be true or false"),
    ("unknown variant", "unknown value"),
    ("unknown field", "unknown parameter"),
    ("missing field", "missing parameter"),
];

/// The part of an address behind the question mark.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|error| Failure::malformed(plain(&error)))
    }
}

/// What is wrong with which parameter, without a word of how they are read.
fn plain(error: &QueryRejection) -> String {
    let told = error.source().map_or_else(|| "the query cannot be read".into(), |e| e.to_string());
    PLAIN.iter().fold(told, |told, (theirs, ours)| told.replacen(theirs, ours, 1))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is refused")]
    struct Asked {
        name: String,
        limit: Option<u16>,
        recursive: Option<bool>,
        status: Option<api::RunStatus>,
    }

    #[test]
    fn refusals_name_the_parameter_in_plain_words() {
        let table = [
            ("limit=1", "missing parameter `name`"),
            ("name=a&limit=x", "limit: it has to be a whole number that is not negative"),
            ("name=a&limit=-1", "limit: it has to be a whole number that is not negative"),
            ("name=a&limit=", "limit: the number is missing"),
            ("name=a&limit=70000", "limit: the number is too large"),
            ("name=a&recursive=yes", "recursive: it has to be true or false"),
            ("name=a&status=gone", "status: unknown value `gone`"),
            ("name=a&colour=red", "colour: unknown parameter `colour`"),
        ];
        for (query, expected) in table {
            let address = format!("/x?{query}").parse().unwrap();
            let error = Query::<Asked>::try_from_uri(&address).unwrap_err();
            let told = plain(&error);
            assert!(told.starts_with(expected), "{query}: {told}");
        }
    }
}

//! In which shape results are told.

use axum::http::HeaderMap;

use super::{
    lax,
    wrong::{Step, Wrong},
};

/// The header by which a call chooses.
const HEADER: &str = "x-block-shapes";

/// A version of the vendor's own shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shapes {
    /// Has Python alone.
    V20250522,
    /// Has commands and an editor as well.
    V20250825,
    /// Says the same of each call as the one before.
    V20260120,
}

const VERSIONS: [&str; 3] = ["20250522", "20250825", "20260120"];

impl Shapes {
    /// Those of a name.
    pub(super) fn read(value: &serde_json::Value) -> Result<Self, Vec<super::wrong::Problem>> {
        Ok(match lax::literal(&VERSIONS)(value)? {
            0 => Self::V20250522,
            1 => Self::V20250825,
            _ => Self::V20260120,
        })
    }

    /// Those that a call asks for.
    pub(super) fn asked(headers: &HeaderMap) -> Result<Option<Self>, Wrong> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let read = Self::read(&text.into());
        let placed = read.map_err(|problems| {
            let there = |problem: super::wrong::Problem| {
                problem.below(Step::Field(HEADER)).below(Step::Field("header"))
            };
            Wrong::Fields(problems.into_iter().map(there).collect())
        });
        placed.map(Some)
    }

    /// Whether these shapes have commands and an editor.
    pub(super) fn have_commands(self) -> bool {
        self != Self::V20250522
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_known_shapes_are_asked_for() {
        let asked = |text: &'static str| {
            let headers = [(HEADER.parse().unwrap(), HeaderValue::from_static(text))];
            Shapes::asked(&headers.into_iter().collect())
        };
        assert_eq!(asked("20250522").unwrap(), Some(Shapes::V20250522));
        assert_eq!(asked("20260120").unwrap(), Some(Shapes::V20260120));
        for text in ["", "20200101", "20250522, 20250825"] {
            assert!(asked(text).is_err(), "{text}");
        }
        assert_eq!(Shapes::asked(&HeaderMap::new()).unwrap(), None);
        assert!(!Shapes::V20250522.have_commands() && Shapes::V20250825.have_commands());
    }
}

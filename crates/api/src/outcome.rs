//! How the user's code ended. Data, never an error.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{Control, TimeLimit};

/// How the user's code ended.
///
/// In JSON every form has the same four keys, so that a reader can take
/// `exit_code` without asking for the form first: `outcome`, `exit_code`,
/// `signal` and `limit`, the last three `null` where they do not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "OutcomeWire", try_from = "OutcomeWire")]
pub enum Outcome {
    /// It ended by itself.
    Exited {
        /// Its exit status, 0 to 255.
        code: i32,
    },
    /// A signal that it did not expect ended it.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// It ran longer than it may, and was killed.
    TimedOut {
        /// On which clock.
        limit: TimeLimit,
    },
    /// It needed more memory than it may have, and was killed.
    OutOfMemory,
    /// It wrote more than it may, and was killed.
    OutputLimited,
    /// A control refused what it cannot do without.
    Denied {
        /// The control.
        control: Control,
    },
    /// The caller took the run back, and it was killed.
    Cancelled,
    /// Code in a kernel raised an exception that nothing caught. The kernel lives.
    Raised,
    /// The code's kernel ended, or spoke nonsense and was killed.
    KernelDied,
}

impl Outcome {
    /// Whether the program ended by itself with status 0.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }
}

/// Which part of a run an outcome is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Making an executable of the source; the program itself did not start.
    Compile,
    /// The program.
    Run,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OutcomeKind)]
enum Kind {
    Exited,
    Signaled,
    TimedOut,
    OutOfMemory,
    OutputLimited,
    Denied,
    Cancelled,
    Raised,
    KernelDied,
}

/// What a kind is about, where it is about a limit or a control.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = OutcomeLimit)]
enum Limit {
    Time(TimeLimit),
    Control(Control),
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Outcome)]
struct OutcomeWire {
    outcome: Kind,
    exit_code: Option<i32>,
    signal: Option<i32>,
    limit: Option<Limit>,
}

impl PartialSchema for Outcome {
    fn schema() -> RefOr<Schema> {
        OutcomeWire::schema()
    }
}

impl ToSchema for Outcome {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        OutcomeWire::schemas(schemas);
    }
}

impl From<Outcome> for OutcomeWire {
    fn from(outcome: Outcome) -> Self {
        let plain = |outcome| Self { outcome, exit_code: None, signal: None, limit: None };
        match outcome {
            Outcome::Exited { code } => Self { exit_code: Some(code), ..plain(Kind::Exited) },
            Outcome::Signaled { signal } => Self { signal: Some(signal), ..plain(Kind::Signaled) },
            Outcome::TimedOut { limit } => {
                Self { limit: Some(Limit::Time(limit)), ..plain(Kind::TimedOut) }
            }
            Outcome::OutOfMemory => plain(Kind::OutOfMemory),
            Outcome::OutputLimited => plain(Kind::OutputLimited),
            Outcome::Denied { control } => {
                Self { limit: Some(Limit::Control(control)), ..plain(Kind::Denied) }
            }
            Outcome::Cancelled => plain(Kind::Cancelled),
            Outcome::Raised => plain(Kind::Raised),
            Outcome::KernelDied => plain(Kind::KernelDied),
        }
    }
}

impl TryFrom<OutcomeWire> for Outcome {
    type Error = &'static str;

    fn try_from(wire: OutcomeWire) -> Result<Self, Self::Error> {
        match (wire.outcome, wire.exit_code, wire.signal, wire.limit) {
            (Kind::Exited, Some(code), _, _) => Ok(Self::Exited { code }),
            (Kind::Signaled, _, Some(signal), _) => Ok(Self::Signaled { signal }),
            (Kind::TimedOut, _, _, Some(Limit::Time(limit))) => Ok(Self::TimedOut { limit }),
            (Kind::Denied, _, _, Some(Limit::Control(control))) => Ok(Self::Denied { control }),
            (Kind::OutOfMemory, ..) => Ok(Self::OutOfMemory),
            (Kind::OutputLimited, ..) => Ok(Self::OutputLimited),
            (Kind::Cancelled, ..) => Ok(Self::Cancelled),
            (Kind::Raised, ..) => Ok(Self::Raised),
            (Kind::KernelDied, ..) => Ok(Self::KernelDied),
            _ => Err("the outcome lacks what its kind is about"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wire(outcome: &str, exit_code: Value, signal: Value, limit: Value) -> Value {
        json!({"outcome": outcome, "exit_code": exit_code, "signal": signal, "limit": limit})
    }

    #[test]
    fn every_form_has_the_same_keys_and_comes_back() {
        const NULL: Value = Value::Null;
        let table = [
            (Outcome::Exited { code: 3 }, wire("exited", json!(3), NULL, NULL)),
            (Outcome::Signaled { signal: 11 }, wire("signaled", NULL, json!(11), NULL)),
            (
                Outcome::TimedOut { limit: TimeLimit::WallTime },
                wire("timed_out", NULL, NULL, json!("wall_time")),
            ),
            (
                Outcome::Denied { control: Control::SyscallFilter },
                wire("denied", NULL, NULL, json!(Control::SyscallFilter)),
            ),
            (Outcome::OutOfMemory, wire("out_of_memory", NULL, NULL, NULL)),
            (Outcome::OutputLimited, wire("output_limited", NULL, NULL, NULL)),
            (Outcome::Cancelled, wire("cancelled", NULL, NULL, NULL)),
            (Outcome::Raised, wire("raised", NULL, NULL, NULL)),
            (Outcome::KernelDied, wire("kernel_died", NULL, NULL, NULL)),
        ];
        for (outcome, expected) in table {
            assert_eq!(serde_json::to_value(outcome).unwrap(), expected, "{outcome:?}");
            assert_eq!(serde_json::from_value::<Outcome>(expected).unwrap(), outcome);
        }
    }

    #[test]
    fn an_outcome_without_what_it_is_about_is_none() {
        for kind in ["exited", "signaled", "timed_out", "denied"] {
            let wire = wire(kind, Value::Null, Value::Null, Value::Null);
            assert!(serde_json::from_value::<Outcome>(wire).is_err(), "{kind}");
        }
    }
}

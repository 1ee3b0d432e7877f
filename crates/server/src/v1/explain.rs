//! Why code was ended or held back, in words that its author can act on. Pure.

use api::{CapturedStream, Outcome, TimeLimit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why code was ended or held back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// What happened.
    pub(crate) what: String,
    /// The rule that made it so.
    rule: String,
    /// What to do instead.
    pub(crate) instead: String,
}

/// The explanation of an outcome, if it needs one.
pub(crate) fn explain(outcome: &Outcome, streams: [&CapturedStream; 2]) -> Option<Explanation> {
    let (what, rule, instead) = match outcome {
        Outcome::TimedOut { limit: TimeLimit::WallTime } => (
            "the code ran longer than it may, and was ended",
            "limits.wall_time_ms",
            "do less at once, ask for more time, or run a command in the background",
        ),
        Outcome::TimedOut { limit: TimeLimit::CpuTime } => (
            "the code used more processor time than it may, and was ended",
            "limits.cpu_time_ms",
            "do less at once, or ask for more",
        ),
        Outcome::OutOfMemory => (
            "the code needed more memory than it may have, and was ended",
            "limits.memory_bytes",
            "hold less at once (files of the workspace count), or ask for more",
        ),
        Outcome::OutputLimited => (
            "the code wrote more than it may, and was ended",
            "limits.output_bytes",
            "write less, or write to a file and read the part that matters",
        ),
        Outcome::KernelDied => (
            "the interpreter ended; its variables are gone, its files are not",
            "a kernel that ends is replaced",
            "run what made the variables again",
        ),
        Outcome::Denied { control } => {
            let what = format!("the code cannot do without what is refused to it: {control}");
            let instead = "find a way that does not need it".to_owned();
            return Some(Explanation { what, rule: control.name().to_owned(), instead });
        }
        _ if streams.iter().any(|stream| stream.omitted_bytes > 0) => (
            "the output is longer than what is kept; its middle is left out",
            "limits.output_bytes",
            "write less, or write to a file and read the part that matters",
        ),
        _ => return None,
    };
    let [what, rule, instead] = [what, rule, instead].map(str::to_owned);
    Some(Explanation { what, rule, instead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_back_is_explained_and_what_was_not_is_not() {
        let whole = CapturedStream::default();
        let cut = CapturedStream { omitted_bytes: 1, ..CapturedStream::default() };
        let done = Outcome::Exited { code: 0 };
        assert_eq!(explain(&done, [&whole, &whole]), None);
        let said = explain(&done, [&whole, &cut]).unwrap();
        assert_eq!(said.rule, "limits.output_bytes");
        let said = explain(&Outcome::OutOfMemory, [&whole, &whole]).unwrap();
        assert_eq!(said.rule, "limits.memory_bytes");
    }
}

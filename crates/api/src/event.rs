//! Items of a run's stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DisplayData, RunId, TurnId};

/// One of a program's two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One item of a run's stream, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The sandbox is up and the program is about to start.
    Started {
        /// The run.
        run_id: RunId,
    },
    /// The program wrote this.
    Output {
        /// To which stream.
        stream: StreamName,
        /// What, byte for byte.
        bytes: &'a [u8],
    },
    /// Output between what came before and what follows was left out: the
    /// stream is longer than its limit.
    Omitted {
        /// Of which stream.
        stream: StreamName,
        /// How many bytes.
        bytes: u64,
    },
    /// A kernel has got its code and is about to run it.
    TurnStarted {
        /// The turn.
        turn_id: TurnId,
    },
    /// A kernel's code shows something.
    Display {
        /// What.
        data: &'a DisplayData,
    },
    /// What a kernel's code has shown so far goes.
    Clear {
        /// Not before something new is shown.
        wait: bool,
    },
    /// The value of the last expression of a kernel's code.
    Value {
        /// Its forms.
        data: &'a DisplayData,
    },
}

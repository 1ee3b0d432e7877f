//! Signals that a caller may send to a program.

use std::{fmt, str::FromStr};

/// A signal that a caller may send to a program: those that ask something of it or
/// stop it, and none that stands for a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Its terminal is gone, or it is to read its settings again.
    Hup,
    /// An interrupt from the keyboard.
    Int,
    /// It is to end and leave a trace of its state.
    Quit,
    /// Ends it at once.
    Kill,
    /// Of its own choice.
    Usr1,
    /// Of its own choice.
    Usr2,
    /// Its clock has rung.
    Alrm,
    /// It is to end.
    Term,
    /// It goes on where it was stopped.
    Cont,
    /// Stops it.
    Stop,
    /// A stop from the keyboard.
    Tstp,
    /// Its window has another size.
    Winch,
}

/// The name or number is not of a signal that may be sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such signal may be sent: HUP, INT, QUIT, KILL, USR1, USR2, ALRM, TERM, CONT, STOP, TSTP \
     and WINCH may"
)]
pub struct UnknownSignal;

impl Signal {
    /// All of them, by number.
    pub const ALL: [Self; 12] = [
        Self::Hup,
        Self::Int,
        Self::Quit,
        Self::Kill,
        Self::Usr1,
        Self::Usr2,
        Self::Alrm,
        Self::Term,
        Self::Cont,
        Self::Stop,
        Self::Tstp,
        Self::Winch,
    ];

    /// Its number on Linux.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Kill => 9,
            Self::Usr1 => 10,
            Self::Usr2 => 12,
            Self::Alrm => 14,
            Self::Term => 15,
            Self::Cont => 18,
            Self::Stop => 19,
            Self::Tstp => 20,
            Self::Winch => 28,
        }
    }

    /// Its name, such as `TERM`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Alrm => "ALRM",
            Self::Term => "TERM",
            Self::Cont => "CONT",
            Self::Stop => "STOP",
            Self::Tstp => "TSTP",
            Self::Winch => "WINCH",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl TryFrom<i32> for Signal {
    type Error = UnknownSignal;

    fn try_from(number: i32) -> Result<Self, UnknownSignal> {
        Self::ALL.into_iter().find(|signal| signal.number() == number).ok_or(UnknownSignal)
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Takes names with and without `SIG`, in any case, and numbers.
    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        if let Ok(number) = text.parse::<i32>() {
            return Self::try_from(number);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL.into_iter().find(|signal| signal.name() == name).ok_or(UnknownSignal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_mean_the_same_signal() {
        for signal in Signal::ALL {
            let name = signal.name();
            let forms = [name.to_owned(), format!("SIG{name}"), name.to_lowercase()];
            for form in forms.into_iter().chain([signal.number().to_string()]) {
                assert_eq!(form.parse(), Ok(signal), "{form}");
            }
        }
        for form in ["", "SIG", "SEGV", "SIGSIGTERM", "0", "-9", "11", "65", "TERM "] {
            assert_eq!(form.parse::<Signal>(), Err(UnknownSignal), "{form}");
        }
    }
}

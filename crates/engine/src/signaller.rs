//! A caller's way to send a run's program signals.

use std::sync::{Arc, Mutex, PoisonError};

use api::Signal;
use tokio::sync::Notify;

/// Sends a run's program signals. Clones stand for the same run, and one run at a time
/// may have it.
///
/// What is sent before the program is there waits for it. As with every process, a
/// signal that waits already is not there twice.
#[derive(Clone, Debug, Default)]
pub struct Signaller {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// In the order in which they came; each at most once.
    waiting: Mutex<Vec<Signal>>,
    sent: Notify,
}

impl Signaller {
    /// One of which nothing was sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a signal. May be called from any thread; does nothing once the run is over.
    pub fn send(&self, signal: Signal) {
        add(&mut self.lock(), signal);
        self.shared.sent.notify_one();
    }

    /// The next signal that is to be passed on. May be dropped while it waits.
    pub(crate) async fn next(&self) -> Signal {
        loop {
            if let Some(signal) = self.take() {
                return signal;
            }
            self.shared.sent.notified().await;
        }
    }

    fn take(&self) -> Option<Signal> {
        let mut waiting = self.lock();
        (!waiting.is_empty()).then(|| waiting.remove(0))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Signal>> {
        // Whoever panicked with it left a list that is whole.
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a signal to those that wait. To stop and to go on undo each other.
fn add(waiting: &mut Vec<Signal>, signal: Signal) {
    let undone = match signal {
        Signal::Cont => Some(Signal::Stop),
        Signal::Stop => Some(Signal::Cont),
        _ => None,
    };
    waiting.retain(|other| *other != signal && Some(*other) != undone);
    waiting.push(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_waits_once_and_a_stop_is_undone() {
        use Signal::{Cont, Int, Stop, Usr1};
        let table: [(&[Signal], &[Signal]); 5] = [
            (&[Usr1, Int], &[Usr1, Int]),
            (&[Int, Usr1, Int], &[Usr1, Int]),
            (&[Stop, Cont], &[Cont]),
            (&[Stop, Int, Cont, Stop], &[Int, Stop]),
            (&[Int; 100], &[Int]),
        ];
        for (sent, expected) in table {
            let signaller = Signaller::new();
            sent.iter().for_each(|signal| signaller.send(*signal));
            let came: Vec<Signal> = std::iter::from_fn(|| signaller.take()).collect();
            assert_eq!(came, expected, "{sent:?}");
        }
    }
}

//! The log of a server: a line for each event on standard error, as text or as JSON.
//!
//! A thread of its own writes it. Whoever reads it may stop to, and the server goes on.

use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::{
    filter::LevelFilter,
    fmt,
    fmt::{MakeWriter, writer::MakeWriterExt},
};

use crate::render;

/// The most lines that wait to be written: some seconds of a busy server.
const LINES_MAX: usize = 8192;
/// How long the last lines may take when the server ends.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: an object a line.
    Json,
}

/// What is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level(pub(crate) LevelFilter);

impl Default for Level {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

enum Order {
    Line(String),
    Flush(SyncSender<()>),
}

/// Lines that did not fit into the queue and have not been told of yet.
static LOST: AtomicU64 = AtomicU64::new(0);

/// The log; dropping it writes what waits.
#[derive(Debug)]
pub(crate) struct Log {
    queue: SyncSender<Order>,
}

impl Log {
    /// Begins to write what happens in this process from now on.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn begin(format: Format, level: LevelFilter) -> io::Result<Self> {
        let (queue, orders) = mpsc::sync_channel(LINES_MAX);
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&orders))?;
        let lines = Lines(queue.clone()).with_filter(|event| is_ours(event.target()));
        let builder = fmt().with_max_level(level).with_target(false).with_ansi(false);
        let builder = builder.with_writer(lines);
        // It fails where somebody else listens already, who then is the one to listen.
        let _ = match format {
            Format::Text => tracing::subscriber::set_global_default(builder.finish()),
            Format::Json => {
                let builder = builder.json().flatten_event(true);
                let builder = builder.with_current_span(false).with_span_list(false);
                tracing::subscriber::set_global_default(builder.finish())
            }
        };
        Ok(Self { queue })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (sender, receiver) = mpsc::sync_channel(1);
        // Where the queue is full, nobody reads what is written.
        if self.queue.try_send(Order::Flush(sender)).is_ok() {
            let _: Result<(), RecvTimeoutError> = receiver.recv_timeout(FLUSH_TIME_MAX);
        }
    }
}

/// Whether an event may be told: the SDK of assistants' protocol tells what clients say,
/// which may hold secrets or code.
fn is_ours(target: &str) -> bool {
    target != "rmcp" && !target.starts_with("rmcp::")
}

fn write(orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Line(line) => render::log_line(&line),
            Order::Flush(done) => drop(done.try_send(())),
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "lines of this log could not be written in time");
        }
    }
}

/// Puts lines into the queue.
struct Lines(SyncSender<Order>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Lines {
    /// Takes one event, whole: that is how they come.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = one_line(&String::from_utf8_lossy(bytes));
        if let Err(TrySendError::Full(_)) = self.0.try_send(Order::Line(line)) {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event as one line that commands nothing of a terminal and forges no other line,
/// whatever was logged. The escapes are those of JSON, so JSON stays what it is.
fn one_line(event: &str) -> String {
    let mut line = String::with_capacity(event.len());
    for letter in event.trim_end_matches('\n').chars() {
        if letter.is_control() || is_directional(letter) {
            let _ = write!(line, "\\u{:04x}", u32::from(letter));
        } else {
            line.push(letter);
        }
    }
    line
}

/// Letters that show text in another order than it is written.
const fn is_directional(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_say_is_not_told() {
        assert!(is_ours("server::mcp::tool") && is_ours("rmcpx"));
        assert!(!is_ours("rmcp") && !is_ours("rmcp::service"));
    }

    #[test]
    fn an_event_is_one_line_and_no_command() {
        assert_eq!(
            one_line("a\x1b[2Jb\r\nINFO forged\u{9b}1m\n"),
            "a\\u001b[2Jb\\u000d\\u000aINFO forged\\u009b1m"
        );
        let json = "{\"text\":\"a\u{7f}\u{202e}b\"}";
        let value: serde_json::Value = serde_json::from_str(&one_line(json)).unwrap();
        assert_eq!(value["text"], "a\u{7f}\u{202e}b");
    }
}

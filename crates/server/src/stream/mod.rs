//! What happens while code runs, told as it happens: numbered, kept for a while, so
//! that who lost the connection reads on where it broke off.

mod encode;
mod log;
mod recorder;
mod text;

pub(crate) use encode::{Form, Reading, body};
pub(crate) use log::EventLog;
pub(crate) use recorder::Recorder;

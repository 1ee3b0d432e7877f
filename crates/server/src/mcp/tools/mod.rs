//! The tools of sessions, one module each kind.

mod calls;
pub(super) mod commands;
pub(super) mod environments;
pub(super) mod execute;
pub(super) mod files;
mod images;
mod pages;
pub(super) mod ran;
mod reading;
pub(super) mod sessions;

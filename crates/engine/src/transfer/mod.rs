//! Files on their way in and out of a sandbox.
//!
//! Going in, the host's tree may hold links, pipes and devices; coming out, every
//! name and byte was chosen by the program. Neither is followed, waited for or
//! believed, and both are bounded.

mod created;
mod download;
mod place;
mod rescue;
mod save;
mod upload;

pub(crate) use created::created;
pub(crate) use download::{Download, DownloadError, downloads, fetch};
pub(crate) use place::{shown, within};
pub(crate) use rescue::{Rescued, rescue, rescues};
pub use upload::UploadError;
pub(crate) use upload::uploads;

/// The most files and directories that one run carries in or out: enough for a
/// project with its sources, small enough to be listed in a result.
const FILES_MAX: usize = 10_000;
/// The deepest nesting below what was named: each level holds a descriptor.
pub(crate) const DEPTH_MAX: usize = 64;
/// Read or written at a time.
const CHUNK_BYTES: usize = 64 * 1024;

//! Projects: code at a commit, run on snapshots of data.
//!
//! Both are hostile, and so is what comes back. Git and models run in sandboxes alone,
//! through [`engine::Engine::run_for`]; the host takes from them bounded bytes, reads
//! them by total functions, and keeps trees and data in directories of its own that
//! sandboxes see read-only.

mod cache;
mod checkout;
mod compare;
mod data;
mod desk;
mod error;
mod git;
mod guest;
mod held;
mod limits;
mod media;
mod names;
mod order;
mod parcel;
mod projects;
mod settings;
mod streams;
mod tree;
mod worker;

pub use data::data_suffixes;
pub use error::ProjectError;
pub use git::{Branch, Diff, Git, GitError, GitSource, LogPage, Refs, SourceError, Version};
pub use projects::{NewProjectSpec, Projects, Rerun};
pub use settings::{Buckets, Settings};
pub use tree::TreeError;

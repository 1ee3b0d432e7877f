//! Projects: code at a commit, run on snapshots of data.

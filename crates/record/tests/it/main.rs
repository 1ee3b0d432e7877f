//! The records' one suite, against both databases.

mod blobs;
mod catalog;
mod crash;
mod fixture;
mod full;
mod lists;
mod model;
mod opening;
mod postgres;
mod queue;
mod records;
mod s3;
mod turns;

//! The words of `session`.

use std::path::PathBuf;

use clap::Args;

use super::{PlaceArgs, value};

#[derive(Args, Debug)]
#[command(after_help = "\
At the prompt:
  an empty line ends a block, Tab completes, Ctrl-C interrupts what runs,
  Ctrl-D leaves, `:help` lists commands

Where standard input is not a terminal, it is read to its end and run, in cells
where lines `# %%` divide it. The first cell that fails is the last; the exit
status is its own: 1 for an exception, otherwise as of `run`.")]
pub(crate) struct SessionArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// What messages call the session
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Close the session when nothing ran in it for this time
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) idle_timeout: Option<String>,
    /// Close the session when it is this old and nothing runs in it
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) lifetime: Option<String>,
    /// Keep images here that the terminal cannot show; a cache directory if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Say nothing on standard error but errors
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
}

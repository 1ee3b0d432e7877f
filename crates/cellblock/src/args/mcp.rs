//! The words of `mcp`.

use clap::Args;

#[derive(Args, Debug)]
#[command(after_help = "\
An assistant starts this command and speaks with it over standard input and output. To add it
to Claude Code: claude mcp add cellblock -- cellblock mcp

Standard error has the log. `cellblock serve` offers the same over HTTP, at /mcp.")]
pub(crate) struct McpArgs {
    /// Keep what outlives this in DIR; a directory of your own if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
    /// Which tools to offer: default, full, minimal or bridge
    #[arg(long, value_name = "PROFILE")]
    pub(crate) tools: Option<String>,
}

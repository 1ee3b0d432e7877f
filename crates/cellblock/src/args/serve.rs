//! The words of `serve`.

use clap::Args;

#[derive(Args, Debug)]
#[command(after_help = "\
Without keys it listens on loopback alone, and whoever can connect may run code.
`cellblock key create` makes a key; from then on, every request has to show one.

Further settings: `cellblock config show`. The API is described at /docs.")]
pub(crate) struct ServeArgs {
    /// Listen here; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Keep keys here; a directory of your own if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
    /// Which tools assistants are offered at /mcp: default, full, minimal or bridge
    #[arg(long, value_name = "PROFILE")]
    pub(crate) mcp_tools: Option<String>,
}

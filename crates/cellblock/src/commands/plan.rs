//! `--plan`: what the sandbox of a run would be, as text. Launches nothing.

use api::RunRequest;

use super::Context;
use crate::{exit, failure::Failure, render, wire::House};

/// Prints the plan of a request.
pub(super) fn print(request: &RunRequest, context: &Context) -> Result<u8, Failure> {
    let house = House::build(&context.config.settings, &context.vars, None)?;
    let policy = house.engine.policy(request)?;
    render::text(&house.plan_text(&policy)?)?;
    Ok(exit::SUCCESS)
}

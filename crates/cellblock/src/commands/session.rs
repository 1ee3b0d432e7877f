//! `session`: a Python prompt in a sandbox, or cells from a pipe.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use engine::{Session, SessionRequest};
use policy::Network;

use super::Context;
use crate::{
    args::SessionArgs,
    code, duration,
    failure::Failure,
    recording::Recording,
    render::{self, Gallery, Screen},
    request,
    session::{Desk, EventLoop, Places},
    size,
    wire::House,
};

/// Opens a session and stays in it until its end.
pub(super) fn open(args: &SessionArgs, context: &Context) -> Result<u8, Failure> {
    let request = requested(args, context)?;
    // Before a sandbox is started for nothing.
    let text = if io::stdin().is_terminal() { None } else { Some(code::stdin_text()?) };
    let failed = |source| Failure::Process { action: "start an event loop", source };
    let events = EventLoop::start().map_err(failed)?;
    let (settings, vars) = (&context.config.settings, &context.vars);
    let recording = events.wait(Recording::open(settings, vars))?;
    let house = {
        let _entered = events.enter();
        House::build(settings, vars, recording.records())?
    };
    let session = events.wait(house.engine.create_session(request))?;
    let places = Places::new(args, vars, &session.id().to_string());
    let (color, limits) = (settings.color, request::worded(&settings.limits));
    let gallery = places.images.clone().map(Gallery::new);
    let said = banner(&session);
    let mut desk = Desk::new(events, session, Screen::new((color, vars), gallery, limits));
    if text.is_none() && !args.quiet {
        let version = desk.python_version().map(|version| format!(" {version}"));
        render::note(&format!("Python{} {said}", version.unwrap_or_default()));
    }
    let status = match text {
        Some(text) => desk.run_cells(&text),
        None => desk.attend(&places, render::style(color, vars)),
    };
    if let Some(line) = desk.close(recording) {
        render::note(&line);
    }
    status
}

fn requested(args: &SessionArgs, context: &Context) -> Result<SessionRequest, Failure> {
    // It was read once already, and is a duration.
    let time = |text: &Option<String>| {
        text.as_deref().and_then(|text| duration::parse(text).ok()).map(Duration::from_millis)
    };
    Ok(SessionRequest {
        environment: args.place.environment.clone(),
        policy: request::policy(&args.place, &context.config.settings, &context.vars)?,
        name: args.name.clone(),
        idle_time: time(&args.idle_timeout),
        lifetime: time(&args.lifetime),
        ..SessionRequest::default()
    })
}

/// What a person is told first, after the name of the language.
fn banner(session: &Session) -> String {
    let limits = session.policy().limits();
    let wall_time = u64::try_from(limits.wall_time.as_millis()).unwrap_or(u64::MAX);
    let network = match session.policy().network() {
        Network::None => "no network",
        Network::Full => "the host's network",
    };
    let name = session.name().map(|name| format!(", {name}")).unwrap_or_default();
    format!(
        "in {}{name}; {} a turn, {} of memory, {network} (:help; Ctrl-D leaves)",
        session.environment(),
        duration::seconds(wall_time),
        size::format(limits.memory_bytes),
    )
}

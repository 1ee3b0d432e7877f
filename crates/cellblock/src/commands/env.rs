//! `env`: builds and lists environments. Packages are installed on the host by
//! `uv` or `pip`, before and apart from any run.

use engine::environment::{self, Environment, NewEnvironment, State, SyncOptions};
use serde::Serialize;

use super::Context;
use crate::{
    args::{EnvCommand, FormatArgs},
    exit,
    failure::Failure,
    render::{self, Table},
};

#[derive(Serialize)]
struct EnvironmentJson<'a> {
    name: &'a str,
    project: &'a str,
    description: Option<&'a str>,
    dependencies: &'a [String],
    state: &'static str,
    digest: Option<&'a str>,
    path: Option<String>,
}

/// Carries out one of the verbs.
pub(super) fn run(command: EnvCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        EnvCommand::Create { name, packages, description } => {
            let description = (!description.is_empty()).then_some(description);
            let new = NewEnvironment { name, description, dependencies: packages, python: None };
            create(&new, context)?;
        }
        EnvCommand::Sync { name } => sync(&name, context)?,
        EnvCommand::List(format) => return list(format, context),
        EnvCommand::Show { name, format } => show(&name, format, context)?,
        EnvCommand::Remove { name } => {
            environment::remove(&context.config.settings.environments, &name)?;
        }
    }
    Ok(exit::SUCCESS)
}

fn create(new: &NewEnvironment, context: &Context) -> Result<(), Failure> {
    let directory = &context.config.settings.environments;
    environment::create(directory, new)?;
    sync(&new.name, context).inspect_err(|_| {
        // Half an environment would only be in the way of the next attempt; the
        // first failure is the one to tell.
        let _ = environment::remove(directory, &new.name);
    })
}

fn sync(name: &str, context: &Context) -> Result<(), Failure> {
    let vars = &context.vars;
    let for_installer = vars.texts().filter(|(name, _)| environment::is_for_installer(name));
    let options = SyncOptions {
        search_path: vars.search_path(),
        python: context.config.settings.python.clone(),
        env_vars: for_installer.collect(),
        ..SyncOptions::default()
    };
    let directory = &context.config.settings.environments;
    let made = environment::sync(directory, name, &options, &mut render::progress)?;
    render::text(&described(&made))
}

fn list(format: FormatArgs, context: &Context) -> Result<u8, Failure> {
    let listing = environment::list(&context.config.settings.environments)?;
    for (name, error) in &listing.unreadable {
        render::note(&format!("the environment {name} cannot be read: {error}"));
    }
    if format.json {
        let rows: Vec<_> = listing.environments.iter().map(json).collect();
        render::pretty_json(&rows)?;
        return Ok(exit::SUCCESS);
    }
    let mut table = Table::new(&["NAME", "STATE", "PACKAGES", "DESCRIPTION"]);
    for found in &listing.environments {
        let packages = found.dependencies.join(" ");
        let description = found.description.as_deref().unwrap_or_default();
        table.row(&[&found.name, state(found.state), &packages, description]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))?;
    Ok(exit::SUCCESS)
}

fn show(name: &str, format: FormatArgs, context: &Context) -> Result<(), Failure> {
    let found = environment::find(&context.config.settings.environments, name)?;
    if format.json { render::pretty_json(&json(&found)) } else { render::text(&described(&found)) }
}

fn json(found: &Environment) -> EnvironmentJson<'_> {
    EnvironmentJson {
        name: &found.name,
        project: &found.project,
        description: found.description.as_deref(),
        dependencies: &found.dependencies,
        state: state(found.state),
        digest: found.digest.as_deref(),
        path: found.path.as_ref().map(|path| path.display().to_string()),
    }
}

const fn state(state: State) -> &'static str {
    match state {
        State::Ready => "ready",
        State::NotSynced => "not synced",
        State::Broken => "broken",
    }
}

fn described(found: &Environment) -> String {
    let path =
        found.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string());
    let lines = [
        ("name", found.name.as_str()),
        ("description", found.description.as_deref().unwrap_or("-")),
        ("packages", &found.dependencies.join(" ")),
        ("state", state(found.state)),
        ("digest", found.digest.as_deref().unwrap_or("-")),
        ("path", &path),
    ];
    lines.map(|(name, value)| format!("{name:<12} {}\n", render::printable(value))).concat()
}

//! `list_environments`: what code can be run in.

use engine::{
    environment::{self, State},
    language::{self, LANGUAGES, Search},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    http::Failure,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// The most packages that are told of an environment.
const PACKAGES_MAX: usize = 200;

/// Nothing: everything is listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ListEnvironmentsArgs {}

/// An environment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct EnvironmentTold {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The packages that it was asked to have.
    packages: Vec<String>,
    /// Whether it can be used now.
    ready: bool,
}

/// What code can be run in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct EnvironmentsTold {
    /// By name; `bare` is the host's own Python with its standard library.
    environments: Vec<EnvironmentTold>,
    /// Languages that the host has the tools of.
    languages: Vec<String>,
}

/// `list_environments`.
pub(in crate::mcp) struct ListEnvironments;

impl Kind for ListEnvironments {
    const NAME: &'static str = "list_environments";
    const TITLE: &'static str = "List environments";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ListEnvironmentsArgs;
    type Output = EnvironmentsTold;

    fn description(_: &App) -> String {
        "Lists the environments that a new session can be made of, with their packages, and the \
         languages that execute_code takes."
            .to_owned()
    }

    async fn call(
        call: Call,
        _: ListEnvironmentsArgs,
    ) -> Result<Answer<EnvironmentsTold>, Refusal> {
        let told = look(&call.app)?;
        Ok(Answer::text(told.text(), told))
    }
}

fn look(app: &App) -> Result<EnvironmentsTold, Failure> {
    let config = app.engine().config();
    let listing = environment::list(&config.environments).map_err(|error| {
        tracing::error!(%error, "the environments cannot be listed");
        Failure::internal()
    })?;
    let environments = listing.environments.into_iter().map(|found| EnvironmentTold {
        name: found.name,
        description: found.description,
        packages: found.dependencies.into_iter().take(PACKAGES_MAX).collect(),
        ready: found.state == State::Ready,
    });
    let search = Search { directories: &config.search_path, python: config.python.as_deref() };
    let known = LANGUAGES.iter().filter(|known| language::availability(known, &search).is_ok());
    Ok(EnvironmentsTold {
        environments: environments.collect(),
        languages: known.map(|known| known.name.to_owned()).collect(),
    })
}

impl EnvironmentsTold {
    fn text(&self) -> String {
        let mut text = String::from("Environments:\n");
        for EnvironmentTold { name, description, packages, ready } in &self.environments {
            text.push_str(&format!("- {name}"));
            if let Some(description) = description {
                text.push_str(&format!(": {description}"));
            }
            if !packages.is_empty() {
                text.push_str(&format!(" (packages: {})", packages.join(", ")));
            }
            text.push_str(if *ready { "\n" } else { " [cannot be used now]\n" });
        }
        text.push_str(&format!("Languages: {}", self.languages.join(", ")));
        text
    }
}

//! What a tool is: words and schemas for its callers, and a function.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt;
use rmcp::{
    RoleServer,
    model::{CallToolResult, ContentBlock, JsonObject, ToolAnnotations},
    service::RequestContext,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

use super::{refusal::Refusal, schema};
use crate::{
    app::App,
    http::Failure,
    keys::{Principal, Scope},
};

/// What a tool may do, for clients that ask their users first. All of it is the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hints {
    /// It changes nothing.
    pub(super) reads_only: bool,
    /// It may take something away that was there.
    pub(super) destroys: bool,
    /// To call it again with the same arguments changes nothing more.
    pub(super) is_idempotent: bool,
    /// It runs code, which reaches as far as the operator lets it.
    pub(super) runs_code: bool,
    /// It may fetch a repository or objects of a bucket, where the operator lets it.
    pub(super) fetches: bool,
}

impl Hints {
    pub(super) const READS: Self = Self {
        reads_only: true,
        destroys: false,
        is_idempotent: true,
        runs_code: false,
        fetches: false,
    };
    /// Code can remove any file of its session.
    pub(super) const RUNS: Self = Self {
        reads_only: false,
        destroys: true,
        is_idempotent: false,
        runs_code: true,
        fetches: false,
    };
    /// What was there may be replaced, and stays replaced.
    pub(super) const REPLACES: Self = Self {
        reads_only: false,
        destroys: true,
        is_idempotent: true,
        runs_code: false,
        fetches: false,
    };
    /// What was there is changed.
    pub(super) const CHANGES: Self = Self {
        reads_only: false,
        destroys: true,
        is_idempotent: false,
        runs_code: false,
        fetches: false,
    };

    /// The same of a tool that needs a project's repository or data as it is now.
    pub(super) const fn with_fetching(self) -> Self {
        Self { fetches: true, ..self }
    }

    fn annotations(self, title: &str, app: &App) -> ToolAnnotations {
        let has_network = app.engine().config().ceiling.full_network;
        let fetches = app.projects().may_fetch();
        ToolAnnotations::with_title(title)
            .read_only(self.reads_only)
            .destructive(self.destroys)
            .idempotent(self.is_idempotent)
            .open_world((self.runs_code && has_network) || (self.fetches && fetches))
    }
}

/// One call of a tool.
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Principal,
    pub(super) context: RequestContext<RoleServer>,
}

/// What a tool answers: for a model to read, and for a program.
pub(super) struct Answer<T> {
    pub(super) content: Vec<ContentBlock>,
    pub(super) structured: T,
}

impl<T> Answer<T> {
    pub(super) fn text(text: impl Into<String>, structured: T) -> Self {
        Self { content: vec![ContentBlock::text(text)], structured }
    }
}

/// A tool.
pub(super) trait Kind: 'static {
    const NAME: &'static str;
    const TITLE: &'static str;
    const SCOPE: Scope;
    const HINTS: Hints;
    type Args: DeserializeOwned + ToSchema + Send;
    type Output: Serialize + ToSchema;

    /// What it does, for a model.
    fn description(app: &App) -> String;

    /// Does it.
    fn call(
        call: Call,
        args: Self::Args,
    ) -> impl Future<Output = Result<Answer<Self::Output>, Refusal>> + Send;
}

type Called = Pin<Box<dyn Future<Output = Result<CallToolResult, Refusal>> + Send>>;

/// A tool, as one row of the table.
pub(super) struct Tool {
    pub(super) name: &'static str,
    scope: Scope,
    describe: fn(&App) -> rmcp::model::Tool,
    call: fn(Call, JsonObject) -> Called,
}

impl Tool {
    pub(super) const fn of<K: Kind>() -> Self {
        Self { name: K::NAME, scope: K::SCOPE, describe: describe::<K>, call: call::<K> }
    }

    /// As clients are shown it.
    pub(super) fn shown(&self, app: &App) -> rmcp::model::Tool {
        (self.describe)(app)
    }

    /// Calls it. Whatever goes wrong is told to who calls.
    pub(super) async fn call(&self, call: Call, arguments: JsonObject) -> CallToolResult {
        let scope = call.caller.scope;
        if !scope.allows(self.scope) {
            let message = format!("the key's scope is {scope}, and this needs {}", self.scope);
            return Refusal::new(api::ErrorCode::Forbidden, message).result();
        }
        let called = AssertUnwindSafe((self.call)(call, arguments)).catch_unwind().await;
        match called {
            Ok(Ok(result)) => result,
            Ok(Err(refusal)) => refusal.result(),
            Err(_) => {
                tracing::error!(tool = self.name, "a tool panicked");
                Refusal::from(Failure::internal()).result()
            }
        }
    }
}

fn describe<K: Kind>(app: &App) -> rmcp::model::Tool {
    let input = Arc::new(schema::of::<K::Args>());
    rmcp::model::Tool::new(K::NAME, K::description(app), input)
        .with_title(K::TITLE)
        .with_raw_output_schema(Arc::new(schema::of::<K::Output>()))
        .with_annotations(K::HINTS.annotations(K::TITLE, app))
}

fn call<K: Kind>(call: Call, arguments: JsonObject) -> Called {
    Box::pin(async move {
        let args = read::<K::Args>(arguments)?;
        let answer = K::call(call, args).await?;
        let structured = serde_json::to_value(&answer.structured);
        let structured = structured.map_err(|_| Failure::internal())?;
        let mut result = CallToolResult::success(answer.content);
        result.structured_content = Some(structured);
        Ok(result)
    })
}

/// The arguments, if they are such as the tool takes.
fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { "the arguments" } else { &path };
        Refusal::invalid(format!("{place}: {}", error.inner()))
            .hint("the tool's input schema has every field")
    })
}

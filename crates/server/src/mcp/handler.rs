//! Answers the protocol's requests: lists and calls tools, lists and reads resources.

use axum::http::{Uri, request::Parts};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

use super::{Profile, resources, table, tool::Call};
use crate::{app::App, http::context::Context, keys::Principal};

/// What a model is told before anything else.
const INSTRUCTIONS: &str = "\
Runs code that nobody vouches for in isolated sandboxes. execute_code keeps variables and files \
from call to call: it returns a session_id; pass it on. Other tools take the same session_id. \
Sandboxes have no network unless a result says otherwise. Code that fails is an ordinary result \
(see outcome, exit_code and error); an error of a tool says what to do in its hint. A call that \
takes long returns status \"running\" and a run_id: ask again with that run_id. run runs a project \
that is kept in git, and get_run tells how that ended.";

/// How a client came here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// Each request over HTTP says whose it is, and which tools are wanted.
    Http,
    /// The person on this machine has started us, with these tools.
    Local(Profile),
}

/// Answers one client.
#[derive(Clone)]
pub(super) struct Handler {
    app: App,
    way: Way,
}

impl Handler {
    pub(super) const fn new(app: App, way: Way) -> Self {
        Self { app, way }
    }

    /// Whose request it is.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Principal, ErrorData> {
        if let Way::Local(_) = self.way {
            return Ok(Principal::local());
        }
        let parts = context.extensions.get::<Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Principal>()).cloned();
        caller.ok_or_else(|| ErrorData::internal_error("it is not known who asks", None))
    }

    fn profile(&self, context: &RequestContext<RoleServer>) -> Profile {
        let standard = self.app.config().mcp_tools;
        match self.way {
            Way::Local(profile) => profile,
            Way::Http => {
                let parts = context.extensions.get::<Parts>();
                // One that is none was refused before.
                parts.and_then(|parts| asked(&parts.uri)).unwrap_or(standard)
            }
        }
    }
}

/// The profile that an address asks for.
pub(super) fn asked(uri: &Uri) -> Option<Profile> {
    let query = uri.query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("tools=")).and_then(|text| text.parse().ok())
}

/// Carries what is known of the request over to the task that answers it.
async fn within<T>(context: &RequestContext<RoleServer>, answer: impl Future<Output = T>) -> T {
    let parts = context.extensions.get::<Parts>();
    match parts.and_then(|parts| parts.extensions.get::<Context>()) {
        Some(context) => context.clone().around(answer).await,
        None => answer.await,
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        let server = Implementation::new("cellblock", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(server).with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        table::find(name).map(|tool| tool.shown(&self.app))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = table::all(self.profile(&context)).map(|tool| tool.shown(&self.app));
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(&context)?;
        let found = table::of(self.profile(&context), &request.name);
        let unknown = || ErrorData::invalid_params("there is no such tool", None);
        let tool = found.ok_or_else(unknown)?;
        let call = Call { app: self.app.clone(), caller, context: context.clone() };
        let arguments = request.arguments.unwrap_or_default();
        Ok(within(&context, tool.call(call, arguments)).await.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let caller = self.caller(&context)?;
        let cursor = request.and_then(|request| request.cursor);
        within(&context, resources::list(&self.app, &caller, cursor.as_deref())).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context)?;
        within(&context, resources::read(&self.app, &caller, &request.uri)).await.map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_may_ask_for_a_profile() {
        let table = [
            ("/mcp", None),
            ("/mcp?tools=full", Some(Profile::Full)),
            ("/mcp?a=b&tools=minimal", Some(Profile::Minimal)),
            ("/mcp?tools=", None),
            ("/mcp?mytools=full", None),
        ];
        for (uri, expected) in table {
            assert_eq!(asked(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}

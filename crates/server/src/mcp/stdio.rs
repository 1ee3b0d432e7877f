//! The protocol over standard input and output: a line each message, for the person
//! who has started this process.

use std::sync::Arc;

use engine::Engine;
use rmcp::{
    RoleServer,
    service::{QuitReason, serve_server},
    transport::async_rw::AsyncRwTransport,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    MESSAGE_BYTES_MAX, Profile,
    handler::{Handler, Way},
    lines::Lines,
    patient::Patient,
};
use crate::{Config, Durable, ServeError, app::App};

/// An engine for one client, who has started this process.
///
/// It does not claim the state directory, so it works beside a server: what is kept
/// there is made to be shared, and it leaves nothing else there.
pub struct Stdio {
    app: App,
    durable: Durable,
    profile: Profile,
}

impl Stdio {
    /// Makes it. Must be called inside a runtime.
    ///
    /// # Errors
    /// The state directory cannot be used.
    pub fn new(config: Config, engine: Arc<Engine>, durable: Durable) -> Result<Self, ServeError> {
        let profile = config.mcp_tools;
        let app = App::new(config, engine, &durable, None)?;
        Ok(Self { app, durable, profile })
    }

    /// Answers until there is no more input, or until it is asked to `end`; then ends
    /// everything that is under way.
    pub async fn run(
        self,
        (input, output): (
            impl AsyncRead + Send + Unpin + 'static,
            impl AsyncWrite + Send + Unpin + 'static,
        ),
        end: impl Future<Output = ()>,
    ) {
        let sweep = tokio::spawn(crate::table::sweep(self.app.clone()));
        let background = self.durable.begin();
        let (input, dropped) = Lines::watch(input, MESSAGE_BYTES_MAX);
        let transport = AsyncRwTransport::<RoleServer, _, _>::new(input, output)
            .with_max_line_length(MESSAGE_BYTES_MAX);
        tokio::select! {
            () = self.answer(Patient::new(transport, dropped)) => {}
            () = end => {}
        }
        self.app.begin_drain();
        background.drain();
        self.app.end_all().await;
        sweep.abort();
        background.end().await;
        self.app.end_records().await;
    }

    async fn answer<T>(&self, transport: Patient<T>)
    where
        T: rmcp::transport::Transport<RoleServer> + 'static,
    {
        let handler = Handler::new(self.app.clone(), Way::Local(self.profile));
        let served = match serve_server(handler, transport).await {
            Ok(served) => served,
            // Whoever goes before it has begun has told us nothing.
            Err(error) => return tracing::debug!(%error, "there was no client"),
        };
        match served.waiting().await {
            Ok(QuitReason::JoinError(error)) | Err(error) => {
                tracing::error!(%error, "what answers has ended");
            }
            Ok(_) => {}
        }
    }
}

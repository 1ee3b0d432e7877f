//! A line to a client that survives what clients say before they begin, and what they say
//! at too great length.

use std::{borrow::Cow, pin::Pin};

use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ErrorData, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::mpsc;

use super::{MESSAGE_BYTES_MAX, lines::Dropped};

/// Passes over everything that comes before the first request, for none of it can mean
/// anything yet. Says so where something was too long to be read.
pub(super) struct Patient<T: Transport<RoleServer>> {
    inner: T,
    has_begun: bool,
    dropped: mpsc::Receiver<Dropped>,
    /// Whoever waits for a message may cease to; what is being said is said nevertheless.
    saying: Option<Saying<T::Error>>,
}

type Saying<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

impl<T: Transport<RoleServer>> Patient<T> {
    pub(super) const fn new(inner: T, dropped: mpsc::Receiver<Dropped>) -> Self {
        Self { inner, has_begun: false, dropped, saying: None }
    }
}

fn too_long(dropped: Dropped) -> ServerJsonRpcMessage {
    let message = format!("a message may have {MESSAGE_BYTES_MAX} bytes, and this one has more");
    ServerJsonRpcMessage::error(ErrorData::invalid_request(message, None), dropped.id)
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Patient<T> {
    type Error = T::Error;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(saying) = &mut self.saying {
                let said = saying.await;
                self.saying = None;
                said.ok()?;
            }
            let message = tokio::select! {
                biased;
                Some(dropped) = self.dropped.recv() => {
                    self.saying = Some(Box::pin(self.inner.send(too_long(dropped))));
                    continue;
                }
                message = self.inner.receive() => message?,
            };
            self.has_begun |= matches!(message, ClientJsonRpcMessage::Request(_));
            if self.has_begun {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

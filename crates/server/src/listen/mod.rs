//! The listener: connections in, each bounded in time and number; an orderly end.

mod connections;
mod stall;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use engine::Engine;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, rt::TokioTimer, server::graceful::GracefulShutdown};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::{Auth, Config, app::App, keys::KeyError, metrics, openapi};
use connections::Connections;
use stall::Unstalled;

/// How long the head of a request may take to arrive; also how long a connection may
/// be kept without one.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);
/// The largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// How long to wait when there is no descriptor left for a further connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The keys cannot be read, or their place cannot be trusted.
    #[error("the keys cannot be used")]
    Keys(#[from] KeyError),
    /// Others than this machine could connect, and nobody would be asked who they are.
    #[error("{address} can be reached from elsewhere, and there are no keys")]
    Open {
        /// The address.
        address: SocketAddr,
    },
}

impl ServeError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { .. } => Some("choose another address or port with `--listen`"),
            Self::Keys(_) => None,
            Self::Open { .. } => Some(
                "make a key with `cellblock key create`, leave `auth` on, or listen on 127.0.0.1",
            ),
        }
    }
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    app: App,
}

impl Server {
    /// Listens; nobody is answered yet. Must be called inside a runtime.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn bind(config: Config, engine: Arc<Engine>) -> Result<Self, ServeError> {
        let address = config.listen;
        let connections = Arc::new(Connections::new(config.connections_max));
        metrics::begin();
        let app = App::new(config, engine)?;
        let lacks_keys = app.config().auth == Auth::Off || !app.keys().has_any();
        if lacks_keys && !address.ip().is_loopback() {
            return Err(ServeError::Open { address });
        }
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| ServeError::Listen { address, source })?;
        let router = openapi::router(app.clone());
        Ok(Self { listener, router, connections, app })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The host kernel does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is asked to end, then lets what is under way come to its end.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let sweep = tokio::spawn(crate::table::sweep(self.app.clone()));
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.serve(stream, peer, &graceful),
                    // The connection is gone already, or there is no descriptor for it.
                    Err(_) => sleep(ACCEPT_AGAIN).await,
                },
            }
        }
        let Self { listener, app, .. } = self;
        drop(listener);
        app.begin_drain();
        let drain = async {
            app.drained().await;
            graceful.shutdown().await;
        };
        let drained = timeout(app.config().drain_time, drain).await;
        if drained.is_err() {
            tracing::warn!("some requests were still under way and are cut off");
        }
        sweep.abort();
        app.end_all().await;
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let Some(place) = self.connections.enter() else {
            tokio::spawn(connections::turn_away(stream));
            return;
        };
        let service = place.watched(self.router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(Unstalled::new(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection broke");
                },
                () = place.evicted() => {}
            }
        });
    }
}

//! The listener: connections in, each bounded in time and number; an orderly end.

mod connections;
mod linger;
mod paced;
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

use crate::{
    Auth, Config, Durable,
    app::App,
    claim::{Claim, ClaimError},
    durable::Background,
    keys::KeyError,
    metrics, openapi,
    trace::Export,
};
use connections::Connections;
use linger::{Lingering, Unread};
use paced::Paced;
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
/// How long clients may take to read what became of what was cut off.
const LAST_WORDS_TIME_MAX: Duration = Duration::from_secs(1);

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
    /// The state directory cannot be this server's own.
    #[error(transparent)]
    Claim(#[from] ClaimError),
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
            Self::Claim(ClaimError::Taken { .. }) => {
                Some("end the other one, or name another directory with `--state-dir`")
            }
            Self::Claim(ClaimError::Lock { .. }) | Self::Keys(_) => None,
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
    export: Option<Export>,
    durable: Durable,
    _claim: Claim,
}

impl Server {
    /// Listens; nobody is answered yet. Must be called inside a runtime.
    ///
    /// # Errors
    /// The address cannot be listened at, or the state directory cannot be used.
    pub async fn bind(
        config: Config,
        engine: Arc<Engine>,
        durable: Durable,
    ) -> Result<Self, ServeError> {
        let address = config.listen;
        let connections = Arc::new(Connections::new(config.connections_max));
        metrics::begin();
        let (tracer, export) = config.traces.clone().map(Export::begin).unzip();
        let app = App::new(config, engine, &durable, tracer)?;
        // After the directory was found to be one that can be trusted.
        let claim = Claim::take(&app.config().state_dir)?;
        let lacks_keys = app.config().auth == Auth::Off || !app.keys().has_any();
        if lacks_keys && !address.ip().is_loopback() {
            return Err(ServeError::Open { address });
        }
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| ServeError::Listen { address, source })?;
        let router = openapi::router(app.clone());
        Ok(Self { listener, router, connections, app, export, durable, _claim: claim })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The host kernel does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is asked to end (`end`), then lets what is under way come to
    /// its end, for as long as the operator allows or until it is asked to `cut` it off.
    /// Meanwhile it says that it takes nothing new.
    pub async fn run(mut self, end: impl Future<Output = ()>, cut: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let sweep = tokio::spawn(crate::table::sweep(self.app.clone()));
        let mut background = self.durable.begin();
        self.accept(&graceful, end).await;
        self.app.begin_drain();
        background.drain();
        tracing::info!(under_way = self.app.works().under_way(), "ending");
        self.drain(graceful, &mut background, cut).await;
        sweep.abort();
        background.end().await;
        self.app.end_records().await;
        if let Some(export) = self.export.take() {
            export.finish().await;
        }
        tracing::info!("ended");
    }

    /// Takes connections until something else has happened.
    async fn accept(&self, graceful: &GracefulShutdown, until: impl Future<Output = ()>) {
        tokio::pin!(until);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.serve(stream, peer, graceful),
                    // The connection is gone already, or there is no descriptor for it.
                    Err(_) => sleep(ACCEPT_AGAIN).await,
                },
            }
        }
    }

    async fn drain(
        &self,
        graceful: GracefulShutdown,
        background: &mut Background,
        cut: impl Future<Output = ()>,
    ) {
        let late = async {
            tokio::select! {
                () = sleep(self.app.config().drain_time) => {}
                () = cut => {}
            }
        };
        tokio::pin!(late);
        let drained = async {
            tokio::join!(self.app.drained(), background.worked());
        };
        let is_drained = tokio::select! {
            biased;
            () = &mut late => false,
            () = self.accept(&graceful, drained) => true,
        };
        if is_drained {
            // Answers that are under way without any work, such as files.
            tokio::select! {
                () = &mut late => {}
                () = graceful.shutdown() => {}
            }
            return self.app.end_all().await;
        }
        let under_way = self.app.works().under_way();
        tracing::warn!(under_way, "what is under way is cut off");
        tokio::join!(self.app.end_all(), background.cut_off());
        // Who waited is told what became of it.
        let _ = timeout(LAST_WORDS_TIME_MAX, graceful.shutdown()).await;
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let Some(place) = self.connections.enter() else {
            tokio::spawn(connections::turn_away(stream));
            return;
        };
        let unread = Unread::default();
        let service = place.watched(self.router.clone(), unread.clone());
        let stream = Paced::new(Lingering::new(Unstalled::new(stream, forget), unread));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service);
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

/// Has the host kernel reset a connection when it is closed, and keep nothing of it.
fn forget(stream: &TcpStream) {
    // Where that is refused, it is only kept for longer.
    let _ = stream.set_zero_linger();
}

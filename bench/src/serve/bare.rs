//! The least that a request of the server's HTTP library can cost: a handler that greets,
//! behind a listener and a runtime like the server's, in a process of its own.

use std::{io::Write, num::NonZero, thread::available_parallelism, time::Duration};

use anyhow::Result;
use axum::{Router, routing::get};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, runtime::Builder};

use super::server::LISTENING;

/// As the server has it.
const THREADS_MIN: usize = 4;
/// As the server has it.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);
/// As the server has it.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// As the server has it.
const HEADERS_MAX: usize = 100;

/// Greets until it is killed.
///
/// # Errors
/// It cannot listen, or a connection cannot be had.
pub(crate) fn bare() -> Result<()> {
    let threads = available_parallelism().map_or(1, NonZero::get).max(THREADS_MIN);
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new().route("/", get(async || "hello, world"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        writeln!(std::io::stderr(), "{LISTENING}{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME_MAX)
                .max_buf_size(HEAD_BYTES_MAX)
                .max_headers(HEADERS_MAX)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
            tokio::spawn(connection);
        }
    })
}

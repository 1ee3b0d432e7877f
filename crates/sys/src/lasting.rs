//! A thread that lasts as long as the process.
//!
//! The kernel ends a child that wants to die with its parent when the *thread* ends that
//! made it, and the threads of an event loop come and go.

use std::{
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

type Work = Box<dyn FnOnce() + Send>;

static DESK: Mutex<Option<mpsc::Sender<Work>>> = Mutex::new(None);

/// Does it on such a thread, and waits until it is done.
///
/// # Errors
/// There is no such thread to be had.
pub(crate) fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if is_first() {
        return Ok(work());
    }
    let (done, result) = mpsc::sync_channel(1);
    let work = move || drop(done.send(work()));
    let gone = || io::Error::other("the thread that makes processes is gone");
    desk()?.send(Box::new(work)).map_err(|_| gone())?;
    result.recv().map_err(|_| gone())
}

/// Whether this is the process's first thread, with which it ends.
fn is_first() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

fn desk() -> io::Result<mpsc::Sender<Work>> {
    // Whoever panicked with it left one or none.
    let mut desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(desk) = &*desk {
        return Ok(desk.clone());
    }
    let (sender, works) = mpsc::channel::<Work>();
    thread::Builder::new().name("processes".to_owned()).spawn(move || {
        for work in works {
            work();
        }
    })?;
    Ok(desk.insert(sender).clone())
}

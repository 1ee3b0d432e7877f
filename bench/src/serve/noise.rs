//! What hostile or careless code does to its neighbours, each kind as a client that asks
//! for it over and over.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Result;

use super::{
    asks::{Target, live_session},
    wire::Client,
};

/// How long code may hang that would hang for ever.
const HANG_MS: u64 = 200;
/// After each: a client that only waits makes no noise.
const PAUSE: Duration = Duration::from_millis(1);

/// A kind of noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    pub(super) name: &'static str,
    act: Act,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Code that ends by itself.
    Turn(&'static str),
    /// Code that hangs until its time is over.
    Hang(&'static str),
    /// A command that does.
    HangingCommand(&'static str),
    /// Code, and then a file of the workspace is read.
    Read(&'static str),
    /// A sandbox of its own.
    Run(&'static str),
}

impl Noise {
    /// Every kind.
    pub(super) const ALL: [Self; 11] = [
        of("keeps a processor busy", Act::Turn("sum(n * n for n in range(400_000))")),
        of("takes and leaves memory", Act::Turn("bytearray(64 << 20).count(1)")),
        of("floods its output", Act::Turn("print('x' * 4_000_000)")),
        of("forks twice and leaves", Act::Turn(DOUBLE_FORKS)),
        of("stops itself", Act::Hang("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")),
        of("fills a pipe that nobody reads", Act::Hang(FULL_PIPE)),
        of("closes its descriptors", Act::Hang("import os; os.closerange(3, 4096)")),
        of("ends its kernel", Act::Turn("import os; os._exit(1)")),
        of("puts a FIFO where a file was", Act::Read(FIFO)),
        of("leaves a command stuck", Act::HangingCommand("trap '' INT TERM; while :; do :; done")),
        of("takes fresh sandboxes", Act::Run("print(1)")),
    ];
}

const DOUBLE_FORKS: &str = "\
import os, time
for _ in range(20):
    if not os.fork():
        os.setsid()
        if not os.fork(): time.sleep(0.05)
        os._exit(0)
    os.wait()";
const FULL_PIPE: &str = "import os; _, w = os.pipe(); os.write(w, bytes(1 << 20))";
const FIFO: &str = "import os; os.path.exists('file') or os.mkfifo('file')";

const fn of(name: &'static str, act: Act) -> Noise {
    Noise { name, act }
}

/// Makes it until that is over.
///
/// # Errors
/// Something was refused that must not be.
pub(super) fn make(noise: &Noise, target: &Target, is_over: &AtomicBool) -> Result<()> {
    let mut client = target.connect()?;
    let session = live_session(&mut client, target)?;
    while !is_over.load(Ordering::Relaxed) {
        once(noise.act, target, (&mut client, &session))?;
        thread::sleep(PAUSE);
    }
    client.ask(&target.delete(&session))?.good().map(drop)
}

fn once(act: Act, target: &Target, (client, session): (&mut Client, &str)) -> Result<()> {
    let request = match act {
        Act::Run(code) => target.run(code),
        Act::Turn(code) | Act::Read(code) => target.code(session, code),
        Act::Hang(code) => target.code_within(session, code, HANG_MS),
        Act::HangingCommand(script) => target.shell_within(session, script, HANG_MS),
    };
    client.ask(&request)?.good()?;
    if let Act::Read(_) = act {
        // That it is no file is an answer, too.
        client.ask(&target.download(session))?;
    }
    Ok(())
}

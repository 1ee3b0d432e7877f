//! What clients do with a session, and what must come of it.

use std::{future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use api::{Outcome, Program, Source, StartSpec, TimeLimit, TurnRequest, TurnResult};
use engine::{Cancel, Input, NoInput, RunIo, Session, SessionRun, TurnIo};
use rustix::process::{Signal, kill_process};
use tokio::time::{sleep, timeout};

use super::{Shared, dice::Dice};
use crate::{
    host,
    warm::house::{Deaf, run_of, timed_run, turn},
};

/// A deed, and how often it is done compared with others.
pub(super) struct Deed {
    pub(super) name: &'static str,
    pub(super) weight: usize,
    pub(super) act: Act,
}

type Act = for<'a> fn(&'a mut Scene, &'a mut Dice) -> Done<'a>;
type Done<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

macro_rules! deeds {
    ($($name:literal $weight:literal $act:ident,)+) => {
        /// Everything that clients do.
        pub(super) const DEEDS: &[Deed] = &[$(Deed {
            name: $name,
            weight: $weight,
            act: |scene, dice| Box::pin($act(scene, dice)),
        },)+];
    };
}

deeds! {
    "count" 30 count,
    "raise" 6 raise,
    "print much" 4 print_much,
    "shell" 8 shell,
    "python beside" 3 beside,
    "files" 8 files,
    "edit" 3 edit,
    "interrupt" 8 interrupt,
    "cancel" 5 cancel,
    "abandon" 5 abandon,
    "time out" 2 time_out,
    "stubborn" 1 stubborn,
    "exit at once" 4 exit_at_once,
    "crash" 2 crash,
    "leave children" 3 leave_children,
    "leave threads" 3 leave_threads,
    "close descriptors" 1 close_descriptors,
    "kill from outside" 5 kill_from_outside,
    "kill amid a turn" 4 kill_amid_a_turn,
    "restart" 4 restart,
    "restart amid a turn" 2 restart_amid_a_turn,
    "fork run" 4 fork_run,
    "kill the zygote" 1 kill_the_zygote,
}

/// A session, and what is known of it.
pub(super) struct Scene {
    shared: Arc<Shared>,
    session: Session,
    number: usize,
    /// What its variable `n` is, if it has one.
    counted: Option<u64>,
    /// Whether its kernel was killed between turns, which the next turn will say.
    is_killed: bool,
}

const FINE: Outcome = Outcome::Exited { code: 0 };

impl Scene {
    pub(super) fn new(shared: &Arc<Shared>, session: Session, number: usize) -> Self {
        Self { shared: Arc::clone(shared), session, number, counted: None, is_killed: false }
    }

    /// A turn; that state was lost must be said where it was, and only there.
    async fn turn(&mut self, code: &str) -> Result<TurnResult> {
        let result = turn(&self.session, code).await?;
        self.note(&result)?;
        Ok(result)
    }

    fn note(&mut self, result: &TurnResult) -> Result<()> {
        let dies = matches!(result.outcome, Outcome::KernelDied);
        if self.is_killed && !result.state_lost {
            bail!("its kernel was killed, and nobody says so: {result:?}");
        }
        if result.state_lost || dies {
            self.counted = None;
        }
        self.is_killed = false;
        Ok(())
    }

    /// A turn that must end well.
    async fn good(&mut self, code: &str) -> Result<TurnResult> {
        let was_killed = self.is_killed;
        let result = self.turn(code).await?;
        ensure!(result.outcome == FINE, "{code:?} ended so: {result:?}");
        ensure!(!result.state_lost || was_killed, "state was lost over {code:?}: {result:?}");
        Ok(result)
    }

    /// The session works, and the state is there if nothing has taken it.
    async fn check(&mut self) -> Result<()> {
        let counted = self.counted;
        let code = "try: print(n)\nexcept NameError: print('none')";
        let result = self.good(code).await?;
        if let (Some(counted), Some(_)) = (counted, self.counted) {
            ensure!(result.stdout.head == format!("{counted}\n"), "n is {}", result.stdout.head);
        }
        Ok(())
    }

    /// Gives the kernel a name by which it is found from outside.
    async fn give_name(&mut self) -> Result<u32> {
        let name = format!("soak-{}", self.number);
        let code = format!("import ctypes; print(ctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0))");
        let result = self.good(&code).await?;
        ensure!(result.stdout.head == "0\n", "it takes no name: {result:?}");
        host::named(&name).with_context(|| format!("nothing is called {name}"))
    }

    /// Ends it in one of the ways in which sessions end.
    pub(super) async fn end(self, dice: &mut Dice) {
        match dice.below(10) {
            0..7 => self.session.close().await,
            7 => {
                // Amid a turn.
                let other = self.session.clone();
                let busy = async { drop(turn(&self.session, "while True: pass").await) };
                tokio::join!(busy, async {
                    sleep(Duration::from_millis(5)).await;
                    other.close().await;
                });
            }
            8 => {
                let other = self.session.clone();
                tokio::join!(other.close(), self.session.close());
            }
            _ => {
                // By itself, once nobody has used it for a while.
                while self.session.info().closed.is_none() {
                    sleep(Duration::from_millis(100)).await;
                }
                let id = self.session.id();
                while self.shared.engine.session(id).is_some() {
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

fn kill(pid: u32) -> Result<()> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .context("no process id")?;
    Ok(kill_process(pid, Signal::KILL)?)
}

async fn pause(dice: &mut Dice, most_ms: usize) {
    sleep(Duration::from_micros(dice.below(most_ms * 1000) as u64)).await;
}

async fn count(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let next = scene.counted.map_or(1, |counted| counted + 1);
    if scene.counted.is_none() {
        scene.good("n = 1").await?;
    } else {
        scene.good("n = n + 1").await?;
    }
    scene.counted = Some(next);
    if dice.below(4) == 0 { scene.check().await } else { Ok(()) }
}

async fn raise(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    let result = scene.turn("1 / 0").await?;
    ensure!(result.outcome == Outcome::Raised, "{result:?}");
    scene.check().await
}

async fn print_much(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let length = dice.below(3_000_000);
    let result = scene.good(&format!("print('x' * {length})")).await?;
    ensure!(result.stdout.head.starts_with(if length == 0 { "\n" } else { "x" }), "no output");
    Ok(())
}

fn source(language: &str, text: &str) -> SessionRun {
    let program = Program::Source(Source {
        language: language.to_owned(),
        file_name: "main".to_owned(),
        text: text.to_owned(),
    });
    SessionRun::new(program)
}

async fn run_beside(scene: &Scene, request: &SessionRun, printed: &str) -> Result<()> {
    let io = RunIo {
        events: &mut Deaf,
        stdin: Input::Empty,
        cancel: Cancel::new(),
        asker: engine::Asker::default(),
    };
    let result = scene.session.run(request, io).await?.result;
    ensure!(result.outcome == FINE && result.stdout.head == printed, "{result:?}");
    Ok(())
}

async fn shell(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    if scene.is_killed {
        // There is no sandbox to enter until the next turn.
        scene.check().await?;
    }
    let text = "echo 7 > from-shell; (sleep 100 &) ; cat from-shell";
    run_beside(scene, &source("bash", text), "7\n").await
}

async fn beside(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    scene.check().await?;
    run_beside(scene, &source("python", "print(6 * 7)"), "42\n").await
}

async fn files(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    scene.check().await?;
    let path = Path::new("some/where/data.bin");
    let bytes = vec![7_u8; dice.below(200_000)];
    scene.session.write(path, bytes.clone()).await?;
    let result = scene.good("import os; print(os.path.getsize('some/where/data.bin'))").await?;
    ensure!(result.stdout.head.trim() == bytes.len().to_string(), "{result:?}");
    ensure!(scene.session.read(path).await? == bytes, "other bytes come back");
    scene.session.delete(Path::new("some")).await?;
    ensure!(scene.session.read(path).await.is_err(), "it was not deleted");
    Ok(())
}

async fn edit(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    scene.check().await?;
    let path = Path::new("notes.txt");
    // An earlier edit may have left it.
    let _ = scene.session.delete(path).await;
    scene.session.create(path, "one\ntwo\n").await?;
    scene.session.replace(path, "two", "three").await?;
    scene.session.undo(path).await?;
    ensure!(scene.session.read(path).await? == b"one\ntwo\n", "the edit was not taken back");
    Ok(())
}

/// Sleeps, and keeps the state when it is interrupted.
const SLEEP: &str = "import time\ntime.sleep(60)";

async fn interrupt(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    scene.check().await?;
    let other = scene.session.clone();
    let wait = dice.below(30_000) as u64;
    let interrupting = async move {
        sleep(Duration::from_micros(wait)).await;
        while !other.interrupt() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let code = if dice.below(2) == 0 { SLEEP } else { "while True: pass" };
    let (result, ()) = tokio::join!(turn(&scene.session, code), interrupting);
    let result = result?;
    scene.note(&result)?;
    ensure!(result.outcome == Outcome::Cancelled && !result.state_lost, "{result:?}");
    scene.check().await
}

async fn cancel(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    scene.check().await?;
    let cancel = Cancel::new();
    let request = TurnRequest { code: SLEEP.to_owned(), ..TurnRequest::default() };
    let (events, input) = (&mut Deaf, &mut NoInput);
    let io = TurnIo {
        events,
        cancel: cancel.clone(),
        input,
        wall_time: None,
        asker: engine::Asker::default(),
    };
    let session = scene.session.clone();
    let (result, ()) = tokio::join!(session.turn(&request, io), async {
        pause(dice, 10).await;
        cancel.cancel();
    });
    let result = result?;
    scene.note(&result)?;
    ensure!(result.outcome == Outcome::Cancelled && !result.state_lost, "{result:?}");
    scene.check().await
}

async fn abandon(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    scene.check().await?;
    let wait = Duration::from_micros(dice.below(20_000) as u64);
    let code = if dice.below(2) == 0 { SLEEP } else { "print('x' * 1000000)" };
    let _ = timeout(wait, turn(&scene.session, code)).await;
    scene.check().await
}

async fn time_out(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    scene.check().await?;
    let request = TurnRequest { code: "while True: pass".to_owned(), ..TurnRequest::default() };
    let wall_time = Some(Duration::from_millis(150));
    let (events, input) = (&mut Deaf, &mut NoInput);
    let io =
        TurnIo { events, cancel: Cancel::new(), input, wall_time, asker: engine::Asker::default() };
    let result = scene.session.turn(&request, io).await?;
    scene.note(&result)?;
    let expected = Outcome::TimedOut { limit: TimeLimit::WallTime };
    ensure!(result.outcome == expected && !result.state_lost, "{result:?}");
    scene.check().await
}

async fn stubborn(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    scene.check().await?;
    let code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n\
                open('kept', 'w').write('k')\nwhile True: pass";
    let request = TurnRequest { code: code.to_owned(), ..TurnRequest::default() };
    let wall_time = Some(Duration::from_millis(300));
    let (events, input) = (&mut Deaf, &mut NoInput);
    let io =
        TurnIo { events, cancel: Cancel::new(), input, wall_time, asker: engine::Asker::default() };
    let result = scene.session.turn(&request, io).await?;
    scene.note(&result)?;
    ensure!(result.state_lost, "{result:?}");
    let kept = scene.good("print(open('kept').read())").await?;
    ensure!(kept.stdout.head == "k\n", "files are gone: {kept:?}");
    Ok(())
}

async fn dies(scene: &mut Scene, code: &str) -> Result<()> {
    let result = scene.turn(code).await?;
    ensure!(result.outcome == Outcome::KernelDied && result.state_lost, "{code:?}: {result:?}");
    scene.check().await
}

async fn exit_at_once(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    dies(scene, "import os; os._exit(3)").await
}

async fn crash(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    dies(scene, "import ctypes; ctypes.string_at(0)").await
}

async fn close_descriptors(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    dies(scene, "import os, time; os.closerange(3, 4000); time.sleep(0.01)").await
}

async fn leave_children(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let many = 1 + dice.below(10);
    let code = format!(
        "import subprocess\nc = [subprocess.Popen(['sleep', '1000']) for _ in range({many})]"
    );
    scene.good(&code).await.map(drop)
}

async fn leave_threads(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let many = 1 + dice.below(10);
    let code = format!(
        "import threading, time\n\
         threads = [threading.Thread(target=time.sleep, args=(1000,), daemon=True)\n\
         \x20          for _ in range({many})]\n\
         for thread in threads: thread.start()"
    );
    scene.good(&code).await.map(drop)
}

async fn kill_from_outside(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let pid = scene.give_name().await?;
    kill(pid)?;
    scene.is_killed = true;
    scene.counted = None;
    if dice.below(2) == 0 {
        pause(dice, 20).await;
    }
    // A turn that begins before its end is known dies with it.
    let result = turn(&scene.session, "print('alive')").await?;
    ensure!(result.state_lost, "its kernel was killed, and nobody says so: {result:?}");
    scene.is_killed = false;
    scene.check().await
}

async fn kill_amid_a_turn(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let pid = scene.give_name().await?;
    let killing = async {
        pause(dice, 10).await;
        kill(pid)
    };
    let (result, killed) = tokio::join!(turn(&scene.session, SLEEP), killing);
    let result = result?;
    killed?;
    scene.note(&result)?;
    ensure!(result.outcome == Outcome::KernelDied || result.state_lost, "{result:?}");
    scene.check().await
}

async fn restart(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    scene.good("open('kept', 'w').write('k')").await?;
    scene.session.restart().await?;
    scene.counted = None;
    let result = scene.good("print(open('kept').read(), 'n' in globals())").await?;
    ensure!(result.stdout.head == "k False\n", "{result:?}");
    Ok(())
}

async fn restart_amid_a_turn(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let other = scene.session.clone();
    let restarting = async {
        pause(dice, 10).await;
        other.restart().await
    };
    let (result, restarted) = tokio::join!(turn(&scene.session, SLEEP), restarting);
    restarted?;
    // It was killed, or came after.
    drop(result?);
    scene.counted = None;
    scene.is_killed = false;
    let result = scene.turn("print(1)").await?;
    ensure!(result.stdout.head == "1\n", "{result:?}");
    scene.check().await
}

async fn fork_run(scene: &mut Scene, _: &mut Dice) -> Result<()> {
    let request = run_of(scene.session.environment(), "print('hello')\n", StartSpec::Fork);
    timed_run(&scene.shared.engine, &request).await.map(drop)
}

async fn kill_the_zygote(scene: &mut Scene, dice: &mut Dice) -> Result<()> {
    let zygotes = host::zygotes();
    if scene.shared.spares_zygotes || zygotes.is_empty() {
        return Ok(());
    }
    // It may have ended meanwhile.
    let _ = kill(zygotes[dice.below(zygotes.len())]);
    scene.check().await
}

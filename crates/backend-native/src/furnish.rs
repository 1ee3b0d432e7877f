//! What a forked sandbox is given when it is handed out: what it shares with the host,
//! its standard input, and what its interpreter needs to give its last right away.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use api::{Control, EnforcementLevel};
use policy::{Mount, MountView, Policy};
use rustix::net::RecvFlags;
use sandbox::LaunchError;
use tokio::time::timeout;

use crate::{
    build::{Purpose, Source, build_for},
    forked::{Child, not_built},
    identity::INSIDE,
    launch::{facts, lost, step_error, weaken},
    native::Host,
    opener, orders,
    plan::{HostPath, Kind, Plan, Step},
    source::{Sources, open_share},
    verify,
    wire::{self, DESCRIPTORS_MAX, ToInit},
    zygote::{Birth, Stage},
};

/// How long it may take to show a share, for the reason that a fork may.
const FURNISH_TIME_MAX: Duration = Duration::from_secs(20);

/// The interpreter's end of its set-up, as the host side holds it.
pub(crate) struct Setup {
    pub(crate) socket: OwnedFd,
    /// The Landlock rules that the interpreter is to put on itself.
    pub(crate) rules: Option<OwnedFd>,
    pub(crate) landlock_abi: u8,
    /// Whether the interpreter was sent what it waits for.
    pub(crate) is_sent: bool,
}

/// A share that is shown later than the zygote's own mounts.
fn is_late(stage: &Stage, mount: &Mount) -> bool {
    !stage.mounts.contains(mount)
}

/// Opens the shares of a policy that the zygote does not have.
async fn open(
    host: &Host,
    policy: &Policy,
    stage: &Stage,
    id: Option<(u32, u32)>,
) -> Result<Sources, LaunchError> {
    let mut found = Sources::default();
    let mut missing = Vec::new();
    for (number, mount) in policy.mounts().iter().enumerate() {
        if !is_late(stage, mount) {
            found.sources.push(nowhere(&mount.source));
            continue;
        }
        let opened = open_share(mount, id);
        let (source, opened) = opened.map_err(|error| looking_up(&mount.source, error))?;
        match opened {
            Some(opened) => found.opened.push(opened),
            None => missing.push(number),
        }
        found.sources.push(source);
    }
    if !missing.is_empty() {
        let host_of = |number: &usize| found.sources.get(*number).map(|s| s.host.clone());
        let paths: Vec<_> = missing.iter().filter_map(host_of).collect();
        let opened = opener::open(host, policy, &paths).await?;
        for (number, opened) in missing.into_iter().zip(opened) {
            if let Some(source) = found.sources.get_mut(number) {
                source.opened = Some(opened.as_raw_fd());
            }
            found.opened.push(opened);
        }
    }
    Ok(found)
}

fn looking_up(path: &Path, error: io::Error) -> LaunchError {
    step_error(format!("looking up {}", path.display()), None, error)
}

/// Stands for a mount that is there already.
fn nowhere(path: &Path) -> Source {
    let host = HostPath { path: path.to_owned(), device: 0, inode: 0 };
    Source { host, kind: Kind::Directory, whole: None, mapped: None, opened: None }
}

/// A host path that was shared before has to be what it was then.
fn check_same(before: &[HostPath], now: &[HostPath]) -> Result<(), LaunchError> {
    let is_other = |host: &&HostPath| before.iter().any(|b| b.path == host.path && b != *host);
    match now.iter().find(is_other) {
        Some(host) => Err(looking_up(&host.path, rustix::io::Errno::STALE.into())),
        None => Ok(()),
    }
}

impl Child {
    /// Shows what the policy shares, and sends the interpreter what it waits for.
    pub(crate) async fn furnish_with(
        &mut self,
        policy: &Policy,
        stdin: Option<OwnedFd>,
    ) -> Result<(), LaunchError> {
        let mut late = policy.mounts().iter().filter(|mount| is_late(&self.stage, mount));
        if late.clone().any(|mount| mount.view != MountView::Shared) {
            let detail = "the policy has other mounts".to_owned();
            return Err(LaunchError::CannotFork { detail });
        }
        if late.next().is_some() {
            self.show(policy).await?;
        }
        self.hand_over(stdin)
    }

    async fn show(&mut self, policy: &Policy) -> Result<(), LaunchError> {
        let id = self.mapped_id();
        let sources = open(&self.stage.host, policy, &self.stage, id).await?;
        let hosts = sources.sources.iter().filter(|s| s.is_open()).map(|s| s.host.clone());
        let hosts: Vec<_> = hosts.collect();
        self.check_shares(&hosts)?;
        let facts = facts(&self.stage.host, policy, &sources, (0, 0));
        let plan = weaken(build_for(Purpose::Furnish, policy, &facts), (INSIDE, INSIDE));
        self.ask(&plan, &sources.opened).await?;
        let rules = self.hear_furnished(&plan).await?;
        self.setup_mut()?.rules = rules;
        verify::shares(self.process.pid, policy)
    }

    /// Makes sure that a restart shares what was shared before.
    fn check_shares(&mut self, hosts: &[HostPath]) -> Result<(), LaunchError> {
        let Some(grip) = &mut self.grip else { return Err(lost("the sandbox is gone")) };
        check_same(&grip.shares, hosts)?;
        grip.shares = hosts.to_vec();
        Ok(())
    }

    async fn ask(&self, plan: &Plan, opened: &[OwnedFd]) -> Result<(), LaunchError> {
        let failed = |error| step_error("opening the descriptors of the shares", None, error);
        if opened.len() >= DESCRIPTORS_MAX {
            return Err(failed(rustix::io::Errno::TOOBIG.into()));
        }
        let file = orders::file().map_err(failed)?;
        orders::write(&orders::of_plan(plan.clone()), &file).map_err(failed)?;
        let message = ToInit::Furnish {
            number: self.listed.number,
            descriptors: opened.iter().map(AsRawFd::as_raw_fd).collect(),
        };
        let descriptors: Vec<BorrowedFd<'_>> =
            [file.as_fd()].into_iter().chain(opened.iter().map(AsFd::as_fd)).collect();
        let said = self.stage.say(&message, &descriptors).await;
        said.map_err(|error| step_error("asking to show the shares", None, error))
    }

    async fn hear_furnished(&mut self, plan: &Plan) -> Result<Option<OwnedFd>, LaunchError> {
        let heard = timeout(FURNISH_TIME_MAX, self.listed.births.recv()).await;
        match heard.map_err(|_| lost("showing the shares took longer than 20 s"))? {
            Some(Birth::Furnished(rules)) => Ok(rules),
            Some(Birth::NotBuilt { step, errno }) => Err(not_built(plan, step, errno)),
            _ => Err(lost("the zygote's manager is gone")),
        }
    }

    fn setup_mut(&mut self) -> Result<&mut Setup, LaunchError> {
        self.setup.as_mut().ok_or_else(|| lost("it was handed over before"))
    }

    /// Sends what the interpreter takes before it does anything else.
    fn hand_over(&mut self, stdin: Option<OwnedFd>) -> Result<(), LaunchError> {
        let setup = self.setup_mut()?;
        if setup.is_sent {
            return Err(lost("it was handed over before"));
        }
        let given = [("r", setup.rules.take()), ("i", stdin)];
        let given = given.into_iter().filter_map(|(letter, fd)| Some((letter, fd?)));
        let (letters, descriptors): (String, Vec<_>) = given.unzip();
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let message = format!("s{letters}");
        let said = wire::send_bytes(setup.socket.as_fd(), message.as_bytes(), &descriptors);
        said.map_err(|error| step_error("handing the sandbox over", None, error))?;
        setup.is_sent = true;
        Ok(())
    }

    /// Takes the interpreter's word that it has given its last right away.
    pub(crate) fn take_seal(&mut self) -> Result<(), LaunchError> {
        let Setup { socket, landlock_abi, is_sent, .. } =
            self.setup.take().ok_or_else(|| lost("it was handed over before"))?;
        if !is_sent {
            return Err(lost("it was not handed over"));
        }
        let said = wire::receive(&socket, RecvFlags::DONTWAIT);
        let packet = said.ok().flatten().ok_or_else(|| lost("it has not given its rights away"))?;
        let errno = |record: &[u8]| match record {
            [_, _, errno @ ..] => <[u8; 4]>::try_from(errno).ok().map(i32::from_le_bytes),
            _ => None,
        };
        let failed = |errno: i32| io::Error::from_raw_os_error(errno);
        match packet.bytes.as_slice() {
            [0] => self.report_landlock(EnforcementLevel::Full, landlock(landlock_abi)),
            [0, record @ ..] => {
                let error = failed(errno(record).unwrap_or(0));
                self.report_landlock(EnforcementLevel::None, format!("landlock: {error}"));
            }
            [_, record @ ..] => {
                let error = failed(errno(record).unwrap_or(0));
                return Err(step_error("landlock", Some(Control::Landlock), error));
            }
            [] => return Err(lost("its word is nonsense")),
        }
        Ok(())
    }

    /// Reports what became of a control that the plan of the fork has.
    fn report_landlock(&mut self, level: EnforcementLevel, detail: String) {
        if self.has_landlock {
            self.enforcement.set(Control::Landlock, level, detail);
        }
    }
}

/// What is reported of Landlock where it is in force.
pub(crate) fn landlock(abi: u8) -> String {
    format!("interface version {abi}")
}

/// Whether a plan has rules on files.
pub(crate) fn has_landlock(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step, Step::Landlock { .. }))
}

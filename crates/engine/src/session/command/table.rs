//! The commands of a session.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use api::CommandId;

use super::Command;

/// The most commands that are remembered once they have ended.
const ENDED_MAX: usize = 64;
/// The most output of ended commands that is kept for one session; more is a server's
/// memory filled by one client.
const ENDED_BYTES_MAX: usize = 16 << 20;

/// The commands of a session that run or have ended lately.
#[derive(Debug, Default)]
pub(in crate::session) struct Commands {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By id, which is by time.
    commands: BTreeMap<CommandId, Command>,
    is_closed: bool,
}

impl Commands {
    /// Adds a command; `false` where the session is closed.
    pub(super) fn add(&self, command: &Command) -> bool {
        let mut table = self.lock();
        if !table.is_closed {
            table.commands.insert(command.id(), command.clone());
        }
        !table.is_closed
    }

    pub(super) fn remove(&self, id: CommandId) {
        self.lock().commands.remove(&id);
    }

    pub(super) fn get(&self, id: CommandId) -> Option<Command> {
        self.lock().commands.get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Command> {
        self.lock().commands.values().cloned().collect()
    }

    /// Forgets those that ended first where more are kept than may be; the last one is
    /// kept in any case.
    pub(super) fn tidy(&self) {
        let mut ended: Vec<_> = self
            .all()
            .into_iter()
            .filter_map(|command| Some((command.info().ended?, command)))
            .collect();
        ended.sort_by_key(|(at, command)| std::cmp::Reverse((*at, command.id())));
        let (mut count, mut bytes) = (0, 0_usize);
        for (_, command) in ended {
            count += 1;
            bytes = bytes.saturating_add(command.bytes_held());
            if count > 1 && (count > ENDED_MAX || bytes > ENDED_BYTES_MAX) {
                self.remove(command.id());
            }
        }
    }

    /// Ends and forgets all of them, and takes no more.
    pub(in crate::session) fn close(&self) {
        let mut table = self.lock();
        table.is_closed = true;
        let commands = std::mem::take(&mut table.commands);
        drop(table);
        commands.values().for_each(Command::kill);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Whoever panicked with it left a table that is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

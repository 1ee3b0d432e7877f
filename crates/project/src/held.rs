//! Claims in hand: what this process carries out at the moment, and how it is told to end.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use api::RunId;
use engine::Cancel;
use record::{Claim, Fence};

/// Claims in hand.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    runs: HashMap<RunId, Run>,
    is_cut: bool,
}

#[derive(Debug)]
struct Run {
    fence: Fence,
    cancel: Cancel,
    /// Whether nobody had taken it back when everything was cut off.
    is_cut: bool,
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a run if it is in hand.
    pub(crate) fn cancel(&self, run_id: RunId) {
        if let Some(run) = self.state().runs.get(&run_id) {
            run.cancel.cancel();
        }
    }

    /// Ends all that is in hand, and whatever comes to be.
    pub(crate) fn cut_off(&self) {
        let mut state = self.state();
        state.is_cut = true;
        for run in state.runs.values_mut().filter(|run| !run.cancel.is_cancelled()) {
            run.is_cut = true;
            run.cancel.cancel();
        }
    }

    /// Whether a run was ended because everything was.
    pub(crate) fn is_cut(&self, run_id: RunId) -> bool {
        self.state().runs.get(&run_id).is_some_and(|run| run.is_cut)
    }

    pub(crate) fn fences(&self) -> Vec<Fence> {
        self.state().runs.values().map(|run| run.fence.clone()).collect()
    }
}

/// A claim that is renewed until this is dropped.
pub(crate) struct InHand<'a> {
    held: &'a Held,
    run_id: RunId,
    pub(crate) cancel: Cancel,
}

impl<'a> InHand<'a> {
    pub(crate) fn new(held: &'a Held, claim: &Claim) -> Self {
        let cancel = Cancel::new();
        let mut state = held.state();
        let is_cut = state.is_cut;
        if is_cut {
            cancel.cancel();
        }
        let run = Run { fence: claim.fence.clone(), cancel: cancel.clone(), is_cut };
        state.runs.insert(claim.run_id, run);
        drop(state);
        Self { held, run_id: claim.run_id, cancel }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.held.state().runs.remove(&self.run_id);
    }
}

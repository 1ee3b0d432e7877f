//! The fourth step of a run: a live sandbox for it.
//!
//! The session's, for a run in a session; else one from the pool, where a forked
//! interpreter can do the same as a fresh one; else a launch.

use policy::Policy;
use sandbox::{Payload, Sandbox};

use crate::{
    RunError,
    blocking::polled_in_place,
    engine::Core,
    resolve::Work,
    warm::{ScriptSandbox, order_for_run},
};

impl Core {
    /// A sandbox in which the payload waits to be started.
    pub(crate) async fn acquire(
        &self,
        work: Work<'_>,
        (policy, mut payload): (&Policy, Payload),
    ) -> Result<Box<dyn Sandbox>, RunError> {
        if let Work::Inside(inside) = work {
            return inside.session.enter(policy, payload).await;
        }
        if let Some(warm) = self.warm_sandbox(work, (policy, &mut payload)).await? {
            return Ok(Box::new(warm));
        }
        Ok(polled_in_place(self.backend.launch(policy, payload)).await?)
    }

    /// A forked one; `None`, with the payload as it was, where there is none for this run.
    async fn warm_sandbox(
        &self,
        work: Work<'_>,
        (policy, payload): (&Policy, &mut Payload),
    ) -> Result<Option<ScriptSandbox>, RunError> {
        let Work::Request(request, domain) = work else { return Ok(None) };
        let parts = (policy, &mut *payload);
        let ordered = order_for_run((request, domain), parts, self);
        let Some((order, program)) = ordered else { return Ok(None) };
        match self.warm.check_out(&order, policy).await {
            Ok(fresh) => Ok(Some(ScriptSandbox::new(fresh, program, policy).await?)),
            // A fresh start costs time and nothing else.
            Err(_) => {
                payload.files = program.into_files();
                Ok(None)
            }
        }
    }
}

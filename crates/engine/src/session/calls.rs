//! The calls of tools that a turn waits for.

use std::{
    future::{poll_fn, ready},
    task::Poll,
};

use ::kernel::{BoxFuture, CallId, ToolCall, ToolReply};

use super::tools::Tools;

/// Calls in flight, of which the kernel's protocol allows few.
pub(super) struct Calls<'a> {
    tools: &'a Tools,
    in_flight: Vec<(CallId, BoxFuture<'a, ToolReply>)>,
    is_over: bool,
}

impl<'a> Calls<'a> {
    pub(super) const fn new(tools: &'a Tools) -> Self {
        Self { tools, in_flight: Vec::new(), is_over: false }
    }

    /// Begins a call, or its refusal.
    pub(super) fn begin(&mut self, id: CallId, call: ToolCall) {
        let refusal = if self.is_over {
            Some(ToolReply::cancelled())
        } else {
            call.refusal(&self.tools.specs)
        };
        let reply = match refusal {
            Some(refusal) => Box::pin(ready(refusal)),
            None => self.tools.host.call(call),
        };
        self.in_flight.push((id, reply));
    }

    /// Drops all calls, and makes none from now on: what waits for one is told so.
    pub(super) fn cancel(&mut self) {
        self.is_over = true;
        for (_, reply) in &mut self.in_flight {
            *reply = Box::pin(ready(ToolReply::cancelled()));
        }
    }

    /// Waits for the next answer, in whatever order they come; for ever where no call
    /// is in flight. May be dropped: nothing is lost.
    pub(super) async fn next(&mut self) -> (CallId, ToolReply) {
        poll_fn(|context| {
            let found = self.in_flight.iter_mut().enumerate().find_map(|(place, (_, reply))| {
                match reply.as_mut().poll(context) {
                    Poll::Ready(reply) => Some((place, reply)),
                    Poll::Pending => None,
                }
            });
            let Some((place, reply)) = found else { return Poll::Pending };
            let (id, _) = self.in_flight.swap_remove(place);
            Poll::Ready((id, reply))
        })
        .await
    }
}

//! `list_sessions` and `close_session`.

use std::{fmt::Write as _, time::SystemTime};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::calls;
use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
    table::Entry,
    v1::view::moment,
};

/// The most sessions that are listed.
const SESSIONS_MAX: usize = 200;

/// Nothing: every session is listed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ListSessionsArgs {}

/// A session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct SessionTold {
    /// Its id.
    session_id: String,
    /// Its environment.
    environment: String,
    /// When it was made, RFC 3339.
    created_at: String,
    /// When it ends if nobody uses it, RFC 3339.
    expires_at: String,
    /// How often its Python has run code.
    turns: u64,
    /// Whether something of it is under way.
    is_busy: bool,
}

/// The caller's sessions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct SessionsTold {
    /// The oldest first; the first two hundred.
    sessions: Vec<SessionTold>,
}

impl SessionTold {
    fn of(entry: &Entry) -> Self {
        let (info, lease) = (entry.session.info(), entry.session.lease());
        let idle_left = lease.idle_time.saturating_sub(info.idle);
        let left = idle_left.min(lease.lifetime.saturating_sub(info.age));
        let now = SystemTime::now();
        Self {
            session_id: entry.session.id().to_string(),
            environment: entry.session.environment().to_owned(),
            created_at: moment(entry.created_at),
            expires_at: moment(now.checked_add(left).unwrap_or(now)),
            turns: info.turns,
            is_busy: info.is_busy,
        }
    }
}

/// `list_sessions`.
pub(in crate::mcp) struct ListSessions;

impl Kind for ListSessions {
    const NAME: &'static str = "list_sessions";
    const TITLE: &'static str = "List sessions";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ListSessionsArgs;
    type Output = SessionsTold;

    fn description(_: &App) -> String {
        "Lists the sessions that are there, with when each of them ends.".to_owned()
    }

    async fn call(call: Call, _: ListSessionsArgs) -> Result<Answer<SessionsTold>, Refusal> {
        let entries = call.app.sessions().of(&call.caller.tenant, None);
        let sessions = entries.iter().take(SESSIONS_MAX).map(|entry| SessionTold::of(entry));
        let sessions: Vec<_> = sessions.collect();
        let mut text = format!("{} sessions", sessions.len());
        for session in &sessions {
            let SessionTold { session_id, environment, expires_at, .. } = session;
            let _ = write!(text, "\n- {session_id} ({environment}), until {expires_at}");
        }
        Ok(Answer::text(text, SessionsTold { sessions }))
    }
}

/// A session that is to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct CloseSessionArgs {
    /// The session.
    session_id: String,
}

/// A session that has ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct Closed {
    /// The session.
    session_id: String,
    /// `true`: everything of it is gone.
    closed: bool,
}

/// `close_session`.
pub(in crate::mcp) struct CloseSession;

impl Kind for CloseSession {
    const NAME: &'static str = "close_session";
    const TITLE: &'static str = "Close a session";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::REPLACES;
    type Args = CloseSessionArgs;
    type Output = Closed;

    fn description(_: &App) -> String {
        "Ends a session. Its variables, its files and all that runs in it are gone.".to_owned()
    }

    async fn call(call: Call, args: CloseSessionArgs) -> Result<Answer<Closed>, Refusal> {
        let entry = calls::find(&call, &args.session_id)?;
        call.app.sessions().remove(entry.session.id());
        entry.session.close().await;
        let closed = Closed { session_id: args.session_id, closed: true };
        Ok(Answer::text(format!("closed session {}", closed.session_id), closed))
    }
}

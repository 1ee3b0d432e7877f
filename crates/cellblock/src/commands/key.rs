//! `key`: creates, lists and revokes the keys that callers of a server show. A
//! running server notices by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use server::keys::{CreatedKey, KeyInfo, KeyStore, NewKey, Scope};

use super::Context;
use crate::{
    args::{CreateKeyArgs, FormatArgs, KeyCommand, ScopeArg, StateDirArgs},
    duration, exit,
    failure::Failure,
    render::{self, Table},
};

#[derive(Serialize)]
struct KeyJson<'a> {
    /// The whole key, where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    id: String,
    tenant: &'a str,
    scope: &'static str,
    name: &'a str,
    created_at: String,
    expires_at: Option<String>,
    expired: bool,
}

/// Where a verb looks for the keys.
pub(super) const fn place(command: &KeyCommand) -> &StateDirArgs {
    match command {
        KeyCommand::Create(args) => &args.place,
        KeyCommand::List { place, .. } | KeyCommand::Revoke { place, .. } => place,
    }
}

/// Carries out one of the verbs.
pub(super) fn run(command: &KeyCommand, context: &Context) -> Result<u8, Failure> {
    let directory = context.config.settings.state_dir.as_deref().ok_or(Failure::NoStateDir)?;
    match command {
        KeyCommand::Create(args) => create(args, &KeyStore::open(directory)?)?,
        KeyCommand::List { format, .. } => list(*format, &KeyStore::open(directory)?)?,
        KeyCommand::Revoke { id, .. } => {
            let id = id.parse().map_err(Failure::KeyId)?;
            let gone = KeyStore::open(directory)?.revoke(id)?;
            render::note(&format!("revoked the key {id} of the tenant {}", gone.tenant));
        }
    }
    Ok(exit::SUCCESS)
}

fn create(args: &CreateKeyArgs, store: &KeyStore) -> Result<(), Failure> {
    let created = store.create(new_key(args)?)?;
    tell(&created, args.format).inspect_err(|_| {
        // A key that nobody was told would only lie about; the first failure is the
        // one to report.
        let _ = store.revoke(created.info.id);
    })
}

fn new_key(args: &CreateKeyArgs) -> Result<NewKey, Failure> {
    let scope = args.scopes.iter().copied().map(scope).max();
    let lifetime = args.expires.as_deref().map(duration::parse).transpose();
    let lifetime = lifetime.map_err(Failure::Expiry)?;
    Ok(NewKey {
        tenant: args.tenant.clone(),
        scope: scope.unwrap_or(Scope::Read),
        name: args.name.clone(),
        lifetime: lifetime.map(Duration::from_millis),
    })
}

const fn scope(arg: ScopeArg) -> Scope {
    match arg {
        ScopeArg::Read => Scope::Read,
        ScopeArg::Run => Scope::Run,
        ScopeArg::Admin => Scope::Admin,
    }
}

fn tell(created: &CreatedKey, format: FormatArgs) -> Result<(), Failure> {
    let (info, key) = (&created.info, created.text.reveal());
    if format.json {
        return render::pretty_json(&KeyJson { key: Some(key), ..json(info) });
    }
    render::text(&format!("{key}\n"))?;
    let until = info.expires_at().map_or("for ever".to_owned(), |moment| format!("until {moment}"));
    let (tenant, scope) = (&info.tenant, info.scope);
    render::note(&format!("a key of the tenant {tenant} with the scope {scope}, good {until}"));
    render::note("keep it now: it is not shown again");
    Ok(())
}

fn list(format: FormatArgs, store: &KeyStore) -> Result<(), Failure> {
    let keys = store.list()?;
    let rows: Vec<_> = keys.iter().map(json).collect();
    if format.json {
        return render::pretty_json(&rows);
    }
    let mut table = Table::new(&["ID", "TENANT", "SCOPE", "CREATED", "EXPIRES", "NAME"]);
    for row in &rows {
        let expires = match &row.expires_at {
            Some(moment) if row.expired => format!("{moment} (expired)"),
            Some(moment) => moment.clone(),
            None => "never".to_owned(),
        };
        table.row(&[&row.id, row.tenant, row.scope, &row.created_at, &expires, row.name]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))
}

fn json(info: &KeyInfo) -> KeyJson<'_> {
    KeyJson {
        key: None,
        id: info.id.to_string(),
        tenant: info.tenant.as_str(),
        scope: info.scope.as_str(),
        name: info.name.as_str(),
        created_at: info.created_at().to_string(),
        expires_at: info.expires_at().map(|moment| moment.to_string()),
        expired: info.is_expired_at(now_unix_ms()),
    }
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

//! An authenticator of a test: who shows which text, and what each may do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_office::access::{
    Authenticator, Caller, Credential, Grant, Identity, Role, Scope, SessionId, Unauthenticated,
    UserId,
};
use pledge_office::base::StoreTime;

/// Callers by the token that they show; `ticket-` before it is their ticket, of one use.
#[derive(Debug, Default)]
pub(crate) struct Door(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    callers: BTreeMap<String, Caller>,
    used: BTreeSet<String>,
    is_away: bool,
    /// From the beginning of time on.
    now: Option<StoreTime>,
    checks: u64,
}

/// A person with a built-in role.
pub(crate) fn caller(number: u8, role: &str, scope: Scope) -> Caller {
    let role = Role::built_in().into_iter().find(|one| one.name.as_str() == role);
    let role = role.expect("a built-in role");
    let identity = Identity::User {
        user: UserId::from_bytes([number; 16]),
        name: format!("user-{number}"),
        session: SessionId::from_bytes([number; 16]),
    };
    Caller { identity, grants: vec![Grant { role, scope }], until: None }
}

impl Door {
    pub(crate) fn of(callers: &[(&str, Caller)]) -> Self {
        let callers = callers.iter().map(|(token, caller)| ((*token).to_owned(), caller.clone()));
        Self(Mutex::new(State { callers: callers.collect(), ..State::default() }))
    }

    /// The session of a token ends.
    pub(crate) fn end(&self, token: &str) {
        self.state().callers.remove(token);
    }

    /// The caller of a token may do something else from now on.
    pub(crate) fn change(&self, token: &str, caller: Caller) {
        self.state().callers.insert(token.to_owned(), caller);
    }

    /// Whether the store behind it can be read.
    pub(crate) fn go_away(&self, is_away: bool) {
        self.state().is_away = is_away;
    }

    /// It is so late.
    pub(crate) fn set_clock(&self, now: StoreTime) {
        self.state().now = Some(now);
    }

    /// How often a caller was checked again.
    pub(crate) fn checks(&self) -> u64 {
        self.state().checks
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no holder panics")
    }
}

impl State {
    fn reached(&self) -> Result<(), Unauthenticated> {
        let away = || StoreError::new(StoreErrorKind::Unavailable, "read a session", "away");
        if self.is_away { Err(away().into()) } else { Ok(()) }
    }
}

#[async_trait]
impl Authenticator for Door {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, Unauthenticated> {
        let mut state = self.state();
        state.reached()?;
        let token = match credential {
            Credential::AccessToken(token) | Credential::ApiKey(token) => token.clone(),
            Credential::Ticket(ticket) => {
                let token = ticket.strip_prefix("ticket-").ok_or(Unauthenticated::Refused)?;
                if !state.used.insert(ticket.clone()) {
                    return Err(Unauthenticated::Refused);
                }
                token.to_owned()
            }
        };
        state.callers.get(&token).cloned().ok_or(Unauthenticated::Refused)
    }

    async fn check_again(&self, caller: &Caller) -> Result<Caller, Unauthenticated> {
        let mut state = self.state();
        state.reached()?;
        state.checks += 1;
        if caller.until.is_some_and(|until| state.now.is_some_and(|now| until <= now)) {
            return Err(Unauthenticated::Refused);
        }
        let same = |known: &&Caller| known.identity == caller.identity;
        state.callers.values().find(same).cloned().ok_or(Unauthenticated::Refused)
    }
}

//! Who makes a request, when and from where.

use std::net::IpAddr;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use pledge_core::audit::{Actor, ActorKind, Attribution, Reason, RequestId};
use pledge_core::types::Timestamp;
use pledge_office::access::{
    By, Caller, Client, Identity, Principal, SessionId, UserAgent, UserId,
};

use super::AccessApi;
use super::guard::Admitted;
use crate::problem::{Message, Problem, internal};

/// Where a request is from. A host puts it into the extensions of each request; what is not there is
/// missing in the records of what the request did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestOrigin {
    /// The address of the client, as far as it can be known.
    pub address: IpAddr,
    /// The id by which the lines about the request are found.
    pub request: RequestId,
}

/// The request as a record of the audit log has it.
#[derive(Debug, Clone)]
pub(crate) struct Actual {
    pub(crate) caller: Caller,
    admitted: Option<Admitted>,
    origin: Option<RequestOrigin>,
    user_agent: Option<UserAgent>,
    now: SystemTime,
}

impl FromRequestParts<AccessApi> for Actual {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &AccessApi) -> Result<Self, Problem> {
        let caller = parts.extensions.get().cloned().unwrap_or_else(Caller::anonymous);
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let (origin, user_agent) = (parts.extensions.get().cloned(), agent.map(UserAgent::new));
        let admitted = parts.extensions.get().cloned();
        Ok(Self { caller, admitted, origin, user_agent, now: (api.clock)() })
    }
}

impl Actual {
    /// The attribution of a write.
    pub(crate) fn attribution(&self, reason: Option<Reason>) -> Result<Attribution, Problem> {
        let actor = match &self.caller.identity {
            Identity::Anonymous => return Err(unauthenticated()),
            Identity::User { name, .. } => Actor::new(ActorKind::Person, name),
            Identity::ApiKey { name, .. } => Actor::new(ActorKind::Program, name),
        };
        let actor = actor.map_err(|error| internal(&error))?;
        let at = Timestamp::of_clock(self.now).map_err(|error| internal(&error))?;
        let origin = self.origin.as_ref();
        let request = origin.map(|origin| origin.request.clone());
        let address = origin.map(|origin| origin.address);
        Ok(Attribution { actor, at, reason, request, address })
    }

    /// Refuses a request that would not come in now. What it asks for may have been on the way for a while.
    pub(crate) async fn check_again(&self) -> Result<(), Problem> {
        let admitted = self.admitted.as_ref().ok_or_else(unauthenticated)?;
        admitted.check_again().await
    }

    /// By whose right a write to users, roles and keys is made.
    pub(crate) fn by(&self, reason: Option<Reason>) -> Result<By, Problem> {
        By::caller(&self.caller, self.attribution(reason)?).ok_or_else(unauthenticated)
    }

    /// Whose the idempotency keys of the request are.
    pub(crate) fn principal(&self) -> Result<Principal, Problem> {
        match self.caller.identity {
            Identity::Anonymous => Err(unauthenticated()),
            Identity::User { user, .. } => Ok(Principal::User(user)),
            Identity::ApiKey { key, .. } => Ok(Principal::ApiKey(key)),
        }
    }

    /// The person who asks, with its session.
    pub(crate) fn person(&self) -> Result<(UserId, SessionId), Problem> {
        match self.caller.identity {
            Identity::User { user, session, .. } => Ok((user, session)),
            Identity::Anonymous | Identity::ApiKey { .. } => Err(unauthenticated()),
        }
    }

    /// Where a sign-in comes from. Failures are counted by the address, so a host has to give it.
    pub(crate) fn client(&self) -> Result<Client, Problem> {
        let Some(RequestOrigin { address, request }) = self.origin.clone() else {
            tracing::error!("nobody can sign in: the host gives requests no RequestOrigin");
            return Err(Problem::new(Message::Internal {}));
        };
        Ok(Client { address, user_agent: self.user_agent.clone(), request: Some(request) })
    }
}

fn unauthenticated() -> Problem {
    Problem::new(Message::Unauthenticated {})
}

//! The state behind the routes of access.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use pledge_core::engine::Ports;
use pledge_core::operate::Rewinder;
use pledge_core::ports::AuditReads;
use pledge_core::query::Queries;
use pledge_core::types::ProgrammeId;
use pledge_office::access::{AccessStore, SignIn};
use pledge_office::base::Random;

use super::BackgroundActs;
use crate::problem::{Message, Problem};

/// The state behind the routes of access. Clones share the stores.
#[derive(Debug, Clone)]
pub struct AccessApi {
    /// Users, roles, keys and sign-ins.
    pub store: Arc<dyn AccessStore>,
    /// How users sign in; without it nobody does.
    pub sign_in: Option<Arc<SignIn>>,
    /// Who did what.
    pub audit: Arc<dyn AuditReads>,
    /// What operators work on.
    pub operator: Operator,
    /// Reads from the stores.
    pub queries: Queries,
    /// Where ids and secrets come from.
    pub random: Arc<dyn Random>,
    /// The wall clock. It dates records, and no amount depends on it.
    pub clock: fn() -> SystemTime,
}

/// What operators work on.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The ports of the engine.
    pub ports: Ports,
    /// Takes chains back over their nodes.
    pub rewinder: Arc<dyn Rewinder>,
    /// What goes on when the request that asked for it ends.
    pub background: BackgroundActs,
    /// The programmes that the configuration declares. They change there alone: it is applied at each start.
    pub declared: BTreeSet<ProgrammeId>,
}

impl AccessApi {
    /// How users sign in.
    pub(crate) fn sign_in(&self) -> Result<&SignIn, Problem> {
        self.sign_in.as_deref().ok_or_else(|| Problem::new(Message::AccessNotConfigured {}))
    }
}

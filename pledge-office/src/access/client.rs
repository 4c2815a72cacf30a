//! Where a request comes from.

use std::net::IpAddr;

use pledge_core::audit::{Actor, Attribution, RequestId};
use pledge_core::types::Timestamp;

use super::UserAgent;

/// Where a request comes from: for the list of a user's sign-ins, for the audit log, and for counting failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its address, as the server believes it.
    pub address: IpAddr,
    /// What it writes about itself.
    pub user_agent: Option<UserAgent>,
    /// The request, by which its log lines are found.
    pub request: Option<RequestId>,
}

impl Client {
    /// An act that was asked for from here.
    pub fn attribution(&self, actor: Actor, at: Timestamp) -> Attribution {
        let (request, address) = (self.request.clone(), Some(self.address));
        Attribution { request, address, ..Attribution::new(actor, at) }
    }
}

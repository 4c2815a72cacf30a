//! The nodes of a chain, for people.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::health::{Health, Rest, Why};

/// The state of one node of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// Host and port.
    pub endpoint: String,
    /// What it is to the group now.
    pub state: NodeState,
}

/// What a node is to its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeState {
    /// The group's answers come from it.
    Current,
    /// It would answer if the current one failed.
    Ready,
    /// It failed, or asked to be left alone.
    Waits {
        /// For how long yet; zero if it is asked next.
        wait: Duration,
        /// The failure that it waits after.
        reason: String,
    },
    /// Its answers cannot be of the chain that the others are on.
    OutOfUse {
        /// How long until it is looked at again.
        wait: Duration,
        /// Why its answers cannot be used.
        reason: String,
    },
}

impl NodeReport {
    pub(super) fn of(endpoint: &str, is_current: bool, health: &Health, now: Instant) -> Self {
        let state = match health.last_rest() {
            Some(rest) => rest_state(rest, now),
            None if is_current => NodeState::Current,
            None => NodeState::Ready,
        };
        Self { endpoint: endpoint.to_owned(), state }
    }

    /// What is wrong with the node, if anything: the same for as long as that is the same.
    pub fn incident(&self) -> Option<String> {
        let endpoint = &self.endpoint;
        match &self.state {
            NodeState::Current | NodeState::Ready => None,
            NodeState::Waits { reason, .. } => Some(format!("{endpoint} is left alone ({reason})")),
            NodeState::OutOfUse { reason, .. } => {
                Some(format!("{endpoint} is out of use ({reason})"))
            }
        }
    }
}

fn rest_state(rest: &Rest, now: Instant) -> NodeState {
    let (wait, reason) = (rest.until.saturating_duration_since(now), rest.reason.clone());
    match rest.why {
        Why::Unfit => NodeState::OutOfUse { wait, reason },
        Why::Failed | Why::Asked => NodeState::Waits { wait, reason },
    }
}

impl fmt::Display for NodeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, state } = self;
        match state {
            NodeState::Current => write!(f, "{endpoint} is in use"),
            NodeState::Ready => write!(f, "{endpoint} is ready"),
            NodeState::Waits { wait, reason } => {
                write!(f, "{endpoint} is left alone for {} s ({reason})", wait.as_secs())
            }
            NodeState::OutOfUse { wait, reason } => {
                write!(f, "{endpoint} is out of use for {} s ({reason})", wait.as_secs())
            }
        }
    }
}

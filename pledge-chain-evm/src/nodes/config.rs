//! The nodes of a chain, and how patient one is with them.

use std::time::Duration;

use crate::config::EvmConfig;

/// Nodes of one chain, those preferred first, and the bounds of their use.
#[derive(Debug, Clone)]
pub struct NodesConfig {
    /// The nodes, at least one.
    pub nodes: Vec<EvmConfig>,
    /// How long nodes may disagree about a block that was shown before the most preferred one that
    /// answers is followed.
    pub patience: Duration,
    /// How long a node is left alone after it failed. It doubles with each failure, and some chance is
    /// added.
    pub wait_min: Duration,
    /// The longest of these waits.
    pub wait_max: Duration,
    /// The longest time for which a node is left alone because it asked for it.
    pub rest_asked_max: Duration,
    /// How long a node of another chain, or on a fork, is left alone.
    pub unfit_wait: Duration,
    /// Answers in a row after which a node of higher preference is used again.
    pub proof_answers: u32,
    /// The time that these answers must span.
    pub proof_time: Duration,
    /// Longest wait for a node that is only looked at.
    pub look_timeout: Duration,
    /// Longest time in which none of a question's requests is answered, while another node can be used.
    pub answer_timeout: Duration,
    /// Heads in a row below one that was shown, after which a node that is further is used.
    pub lag_heads: u32,
    /// Time without a new head after which the other nodes are asked for theirs. They are asked this
    /// often anyway: one whose head is newer by this time is used.
    pub stall_time: Duration,
}

impl NodesConfig {
    /// Nodes of one chain, those preferred first, with bounds that public nodes bear.
    pub const fn new(nodes: Vec<EvmConfig>) -> Self {
        Self {
            nodes,
            patience: Duration::from_secs(60),
            wait_min: Duration::from_secs(1),
            wait_max: Duration::from_secs(180),
            rest_asked_max: Duration::from_secs(3_600),
            unfit_wait: Duration::from_secs(300),
            proof_answers: 3,
            proof_time: Duration::from_secs(30),
            look_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(120),
            lag_heads: 3,
            stall_time: Duration::from_secs(60),
        }
    }
}

//! The nodes of `[chains.NAME]`, and how they are called.

use std::num::NonZeroU32;

use super::raw::{Flag, TextList, Whole};
use super::{Key, NodeUrl, Problems};

/// What each node must prove about its logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogProof {
    /// The filter in the header of each block.
    Bloom,
    /// The receipts of each block.
    Receipts,
}

/// Checks the URLs; a duplicate is an error.
pub(super) fn check_urls(
    raw: Option<TextList>,
    key: &Key,
    problems: &mut Problems,
) -> Option<Vec<NodeUrl>> {
    let TextList(texts) = problems.require(key, raw, "rpc_urls = [\"https://…\"]")?;
    if texts.is_empty() {
        problems.add(key, "is empty: name at least one node");
        return None;
    }
    let mut urls: Vec<NodeUrl> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let Some(url) = problems.take(&key.index(index), NodeUrl::parse(text)) else {
            continue;
        };
        if urls.contains(&url) {
            problems.add(&key.index(index), "is named twice: each node has one vote, so remove it");
        }
        urls.push(url);
    }
    (urls.len() == texts.len()).then_some(urls)
}

pub(super) fn check_log_proof(raw: &str, key: &Key, problems: &mut Problems) -> Option<LogProof> {
    let log_proof = match raw {
        "bloom" => Ok(LogProof::Bloom),
        "receipts" => Ok(LogProof::Receipts),
        other => Err(format!(
            "`{other}` is not known: write \"bloom\", which is the default, or \"receipts\""
        )),
    };
    problems.take(key, log_proof)
}

/// The value in the configuration.
pub(super) const fn log_proof_name(log_proof: LogProof) -> &'static str {
    match log_proof {
        LogProof::Bloom => "bloom",
        LogProof::Receipts => "receipts",
    }
}

pub(super) fn check_requests(
    raw: Option<Whole>,
    key: &Key,
    problems: &mut Problems,
) -> Option<NonZeroU32> {
    let Whole(requests) = raw?;
    let limit = u32::try_from(requests).ok().and_then(NonZeroU32::new);
    let limit = limit.ok_or_else(|| {
        format!(
            "{requests} is out of range: write a number from 1 to {}, or leave it out for no limit",
            u32::MAX
        )
    });
    problems.take(key, limit)
}

/// A cross-check needs at least two nodes.
pub(super) fn check_cross_check(
    Flag(cross_check): Flag,
    nodes: usize,
    key: &Key,
    problems: &mut Problems,
) -> bool {
    if cross_check && nodes < 2 {
        let what =
            "needs a second node to compare with: name one more in rpc_urls, or remove cross_check";
        problems.add(key, what);
    }
    cross_check
}

//! The nodes of `[chains.NAME]`, and how they are asked.

use std::num::NonZeroU32;

use pledge_chain_evm::Verify;

use super::raw::{Flag, TextList, Whole};
use super::{Key, NodeUrl, Problems};

/// The nodes, each once.
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

pub(super) fn check_verify(
    raw: Option<&str>,
    key: &Key,
    problems: &mut Problems,
) -> Option<Verify> {
    let verify = match raw {
        None | Some("bloom") => Ok(Verify::Bloom),
        Some("receipts") => Ok(Verify::Receipts),
        Some(other) => Err(format!(
            "`{other}` is not known: write \"bloom\", which is the default, or \"receipts\""
        )),
    };
    problems.take(key, verify)
}

/// How the configuration writes it.
pub(super) const fn verify_name(verify: Verify) -> &'static str {
    match verify {
        Verify::Bloom => "bloom",
        Verify::Receipts => "receipts",
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

/// An audit compares two nodes.
pub(super) fn check_audit(
    raw: Option<Flag>,
    nodes: usize,
    key: &Key,
    problems: &mut Problems,
) -> bool {
    let Flag(audit) = raw.unwrap_or(Flag(false));
    if audit && nodes < 2 {
        let what =
            "needs a second node to compare with: name one more in rpc_urls, or remove audit";
        problems.add(key, what);
    }
    audit
}

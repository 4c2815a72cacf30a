//! `[chains.NAME]`.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use pledge_chain_evm::LogProof;
use pledge_core::indexer::{Finality, IndexerConfig};
use pledge_core::primitives::Address;
use pledge_core::types::ChainId;

use super::name::{NAME_CHARS_MAX, check_name};
use super::raw::{RawChain, Whole};
use super::{
    ConfigError, ContractConfig, Key, NodeUrl, OnUnreadable, Problems, TokenConfig, contract,
    durations, nodes, quick, token,
};

/// Fewer could not undo an ordinary reorg; more would only slow down every commit.
const RETAINED_HEADERS: RangeInclusive<u64> = 64..=100_000;

/// One chain to follow.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// Its key in the configuration.
    pub key: Key,
    /// Its name in the configuration.
    pub name: String,
    /// Whether the operator chose the name. A generated one yields to the name in the store.
    pub is_named: bool,
    pub id: ChainId,
    /// Its nodes in order of preference; at least one.
    pub rpc_urls: Vec<NodeUrl>,
    /// What each node must prove about its logs.
    pub log_proof: LogProof,
    /// The most calls sent to each node per second; `None` is no limit.
    pub requests_per_second: Option<NonZeroU32>,
    /// Whether a second node must agree before a block is committed.
    pub cross_check: bool,
    /// A node's WebSocket whose new heads trigger a poll, in addition to the interval.
    pub ws_url: Option<NodeUrl>,
    /// How it is indexed.
    pub indexer: IndexerConfig,
    /// How long to wait for new blocks.
    pub poll_interval: Duration,
    /// How long to wait for one answer of a node.
    pub request_timeout: Duration,
    /// The tokens that are followed on it, ascending by name. Without any there is a contract.
    pub tokens: Vec<TokenConfig>,
    /// The contracts whose logs are kept, ascending by name.
    pub contracts: Vec<ContractConfig>,
}

pub(super) fn check_all(
    raw: BTreeMap<String, RawChain>,
    key: &Key,
    problems: &mut Problems,
) -> Vec<ChainConfig> {
    let checked =
        raw.into_iter().filter_map(|(name, raw)| ChainConfig::check(name, raw, key, problems));
    let chains: Vec<ChainConfig> = checked.collect();
    let mut seen: HashMap<ChainId, &Key> = HashMap::new();
    for chain in &chains {
        if let Some(first) = seen.insert(chain.id, &chain.key) {
            let what = format!("{} is the chain_id of {first} too: merge the two", chain.id);
            problems.add(&chain.key.child("chain_id"), what);
        }
    }
    chains
}

impl ChainConfig {
    /// The tokens that an unreadable log halts.
    pub fn halting_on_unreadable(&self) -> impl Iterator<Item = Address> {
        let halting = self.tokens.iter().filter(|token| token.on_unreadable == OnUnreadable::Halt);
        halting.map(|token| token.address)
    }

    /// A key of this chain as the user wrote it: the flag, if the chain comes from the command
    /// line.
    pub fn written(&self, key: &str) -> String {
        if self.is_named { key.to_owned() } else { quick::flag_of(key, &self.key) }
    }

    /// Renames the keys of an error to what the user wrote.
    pub fn name_flags(&self, error: ConfigError) -> ConfigError {
        error.rename(|key| self.written(key))
    }

    fn check(name: String, raw: RawChain, chains: &Key, problems: &mut Problems) -> Option<Self> {
        let key = chains.child(&name);
        check_name(&name, NAME_CHARS_MAX, &key, problems);
        let id_key = key.child("chain_id");
        let id = problems.require(&id_key, raw.chain_id, "chain_id = 11155111");
        let rpc_urls = nodes::check_urls(raw.rpc_urls, &key.child("rpc_urls"), problems);
        let log_proof =
            nodes::check_log_proof(raw.log_proof.as_deref(), &key.child("log_proof"), problems);
        let requests_key = key.child("requests_per_second");
        let requests_per_second =
            nodes::check_requests(raw.requests_per_second, &requests_key, problems);
        let count = rpc_urls.as_ref().map_or(usize::MAX, Vec::len);
        let cross_check =
            nodes::check_cross_check(raw.cross_check, count, &key.child("cross_check"), problems);
        let ws_key = key.child("ws_url");
        let ws_url = raw.ws_url.and_then(|text| problems.take(&ws_key, NodeUrl::parse_ws(&text)));
        let indexer = check_indexer(
            raw.confirmations,
            raw.finality.as_deref(),
            raw.retained_headers,
            &key,
            problems,
        );
        let poll_interval = raw.poll_interval.as_deref();
        let poll_interval =
            durations::check_poll_interval(poll_interval, &key.child("poll_interval"), problems);
        let timeout = raw.request_timeout.as_deref();
        let request_timeout =
            durations::check_request_timeout(timeout, &key.child("request_timeout"), problems);
        if raw.tokens.is_empty() && raw.contracts.is_empty() {
            let what = "is empty: write a [chains.NAME.tokens.NAME] section with an address, or a \
                        [chains.NAME.contracts.NAME] section to keep a contract's logs";
            problems.add(&key.child("tokens"), what);
        }
        let tokens = token::check_all(raw.tokens, &key.child("tokens"), problems);
        // Without an id some defaults are unknown, but the values themselves can still be checked.
        let chain = ChainId::new(id.map_or(0, |Whole(id)| id));
        let contracts_key = key.child("contracts");
        let contracts = contract::check_all(raw.contracts, chain, &contracts_key, problems);
        let (slack, slack_key) = (raw.clock_slack.as_deref(), key.child("clock_slack"));
        let clock_slack = durations::check_clock_slack(slack, chain, &slack_key, problems);
        let (id, clock_slack) = (ChainId::new(id?.0), clock_slack?);
        Some(Self {
            key,
            name,
            is_named: true,
            id,
            rpc_urls: rpc_urls?,
            log_proof: log_proof?,
            requests_per_second,
            cross_check,
            ws_url,
            indexer: IndexerConfig { clock_slack, ..indexer? },
            poll_interval: poll_interval?,
            request_timeout: request_timeout?,
            tokens,
            contracts,
        })
    }
}

fn check_indexer(
    confirmations: Option<Whole>,
    finality: Option<&str>,
    retained_headers: Option<Whole>,
    key: &Key,
    problems: &mut Problems,
) -> Option<IndexerConfig> {
    // Depth and headers are compared last, with defaults filled in: either key alone can break the
    // relation.
    let mut config = IndexerConfig::default();
    let finality_key = key.child("finality");
    match (confirmations, finality) {
        (Some(_), Some(_)) => {
            let what = "cannot be given together with confirmations: remove one of the two";
            problems.add(&finality_key, what);
            return None;
        }
        (Some(Whole(blocks)), None) => config.finality = Finality::Depth(blocks),
        (None, Some("finalized")) => config.finality = Finality::Finalized,
        (None, Some(other)) => {
            let what = format!("`{other}` is not known: write finality = \"finalized\"");
            problems.add(&finality_key, what);
            return None;
        }
        (None, None) => {}
    }
    if let Some(Whole(headers)) = retained_headers {
        if !RETAINED_HEADERS.contains(&headers) {
            let (min, max) = RETAINED_HEADERS.into_inner();
            let what = format!("{headers} is out of range: write a number from {min} to {max}");
            problems.add(&key.child("retained_headers"), what);
            return None;
        }
        config.retained_headers = headers;
    }
    if let Finality::Depth(blocks) = config.finality
        && blocks >= config.retained_headers
    {
        let headers = config.retained_headers;
        let what = format!(
            "{headers} must be above the {blocks} confirmations, or a reorg could not be undone: \
             raise it"
        );
        problems.add(&key.child("retained_headers"), what);
        return None;
    }
    Some(config)
}

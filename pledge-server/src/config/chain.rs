//! `[chains.NAME]`.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use pledge_core::indexer::{Finality, IndexerConfig};
use pledge_core::primitives::Address;
use pledge_core::types::ChainId;

use super::contract::RawContract;
use super::durations::{POLL_INTERVAL, REQUEST_TIMEOUT, duration_text, slack_text};
use super::name::{NAME_CHARS_MAX, check_name};
use super::nodes::LogProof;
use super::raw::{Flag, TextList, Whole};
use super::section::{Shown, named, optional, preset, required, section, usual};
use super::token::RawToken;
use super::{
    ConfigError, ContractConfig, Key, NodeUrl, OnUnreadable, Problems, TokenConfig, contract,
    durations, nodes, quick, token,
};

section! {
    /// A chain to follow. The name is yours: a-z, 0-9 and single `_` between them.
    RawChain shown as ChainShown {
        /// The id that its nodes must have.
        chain_id: Option<Whole> = required(Whole(1)),
        /// Nodes, those preferred first. A url with a key belongs in the environment.
        rpc_urls: Option<TextList> =
            required(TextList(vec!["https://your.node.example".to_owned()])),
        /// A WebSocket that notifies of new blocks, so that they are read at once. No default.
        ws_url: Option<String> = optional("wss://your.node.example"),
        /// `"bloom"`, or `"receipts"`: every block proves its transfers, at more requests.
        log_proof: String = preset(nodes::log_proof_name(LogProof::Bloom)),
        /// To each node, calls of a batch counted. No default: no limit.
        requests_per_second: Option<Whole> = optional(Whole(25)),
        /// With `true` a second node must agree before a block is committed.
        cross_check: Flag = preset(Flag(false)),
        /// The number of blocks on top of a block that make it confirmed.
        confirmations: Option<Whole> = usual(Whole(6)),
        /// In place of confirmations: the blocks that the nodes call finalized are confirmed.
        finality: Option<String> = optional(FINALIZED),
        /// How often the head is asked for.
        poll_interval: String = preset("2s"),
        /// How long to wait for one answer of a node.
        request_timeout: String = preset("30s"),
        /// How far ahead of this machine's clock a block may be, or `"unlimited"`, which is
        /// the default of the chains 1337 and 31337.
        clock_slack: Option<String> = usual(slack_text(Some(IndexerConfig::CLOCK_SLACK))),
        /// How deep a reorg can be undone, in blocks.
        retained_headers: Whole = preset(Whole(IndexerConfig::default().retained_headers)),
    }
    sections {
        tokens: BTreeMap<String, RawToken> = named("token"),
        contracts: BTreeMap<String, RawContract> = named("pool").extra(),
    }
}

const FINALIZED: &str = "finalized";

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
        // Without `..`, so that the compiler finds a key that is not checked.
        let RawChain {
            chain_id,
            rpc_urls,
            ws_url,
            log_proof,
            requests_per_second,
            cross_check,
            confirmations,
            finality,
            poll_interval,
            request_timeout,
            clock_slack,
            retained_headers,
            tokens,
            contracts,
        } = raw;
        let key = chains.child(&name);
        check_name(&name, NAME_CHARS_MAX, &key, problems);
        let id_key = key.child("chain_id");
        let id = problems.require(&id_key, chain_id, "chain_id = 11155111");
        let rpc_urls = nodes::check_urls(rpc_urls, &key.child("rpc_urls"), problems);
        let log_proof = nodes::check_log_proof(&log_proof, &key.child("log_proof"), problems);
        let requests_key = key.child("requests_per_second");
        let requests_per_second =
            nodes::check_requests(requests_per_second, &requests_key, problems);
        let count = rpc_urls.as_ref().map_or(usize::MAX, Vec::len);
        let cross_check =
            nodes::check_cross_check(cross_check, count, &key.child("cross_check"), problems);
        let ws_key = key.child("ws_url");
        let ws_url = ws_url.and_then(|text| problems.take(&ws_key, NodeUrl::parse_ws(&text)));
        let indexer =
            check_indexer(confirmations, finality.as_deref(), retained_headers, &key, problems);
        let poll_key = key.child("poll_interval");
        let poll_interval = POLL_INTERVAL.check(&poll_interval, &poll_key, problems);
        let timeout_key = key.child("request_timeout");
        let request_timeout = REQUEST_TIMEOUT.check(&request_timeout, &timeout_key, problems);
        if tokens.is_empty() && contracts.is_empty() {
            let what = "is empty: write a [chains.NAME.tokens.NAME] section with an address, or a \
                        [chains.NAME.contracts.NAME] section to keep a contract's logs";
            problems.add(&key.child("tokens"), what);
        }
        let tokens = token::check_all(tokens, &key.child("tokens"), problems);
        // Without an id some defaults are unknown, but the values themselves can still be checked.
        let chain = ChainId::new(id.map_or(0, |Whole(id)| id));
        let contracts_key = key.child("contracts");
        let contracts = contract::check_all(contracts, chain, &contracts_key, problems);
        let (slack, slack_key) = (clock_slack.as_deref(), key.child("clock_slack"));
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

    pub(super) fn shown(&self) -> ChainShown {
        let Self {
            key: _,
            name: _,
            is_named: _,
            id,
            rpc_urls,
            log_proof,
            requests_per_second: limit,
            cross_check,
            ws_url,
            indexer,
            poll_interval,
            request_timeout,
            tokens: _,
            contracts: _,
        } = self;
        let IndexerConfig { finality, retained_headers, slice_blocks_max: _, clock_slack } =
            indexer;
        // One of the two keys, never both: `check_indexer` refuses a file that has both.
        let (confirmations, finality) = match finality {
            Finality::Depth(blocks) => (Shown::whole(*blocks), Shown::Nothing),
            Finality::Finalized => (Shown::Nothing, Shown::text(FINALIZED)),
        };
        let ws_url = ws_url.as_ref().map(|url| Shown::text(url.masked()));
        let limit = limit.map(|limit| Shown::whole(limit.get().into()));
        ChainShown {
            chain_id: Shown::whole(id.get()),
            rpc_urls: Shown::list(rpc_urls.iter().map(NodeUrl::masked)),
            ws_url: ws_url.unwrap_or(Shown::Nothing),
            log_proof: Shown::text(nodes::log_proof_name(*log_proof)),
            requests_per_second: limit.unwrap_or(Shown::Nothing),
            cross_check: Shown::flag(*cross_check),
            confirmations,
            finality,
            poll_interval: Shown::text(duration_text(*poll_interval)),
            request_timeout: Shown::text(duration_text(*request_timeout)),
            clock_slack: Shown::text(slack_text(*clock_slack)),
            retained_headers: Shown::whole(*retained_headers),
        }
    }
}

fn check_indexer(
    confirmations: Option<Whole>,
    finality: Option<&str>,
    Whole(headers): Whole,
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
        (None, Some(FINALIZED)) => config.finality = Finality::Finalized,
        (None, Some(other)) => {
            let what = format!("`{other}` is not known: write finality = \"finalized\"");
            problems.add(&finality_key, what);
            return None;
        }
        (None, None) => {}
    }
    if !RETAINED_HEADERS.contains(&headers) {
        let (min, max) = RETAINED_HEADERS.into_inner();
        let what = format!("{headers} is out of range: write a number from {min} to {max}");
        problems.add(&key.child("retained_headers"), what);
        return None;
    }
    config.retained_headers = headers;
    if let Finality::Depth(blocks) = config.finality
        && blocks >= headers
    {
        let what = format!(
            "{headers} must be above the {blocks} confirmations, or a reorg could not be undone: \
             raise it"
        );
        problems.add(&key.child("retained_headers"), what);
        return None;
    }
    Some(config)
}

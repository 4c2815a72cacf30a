//! One chain and one token from the command line.

use pledge_core::types::{ChainId, Rate};

use super::durations::parse_slack;
use super::raw::{RateText, TextList, Whole};
use super::token::parse_address;
use super::{ConfigError, Key, NodeUrl, Problems, RawConfig};

/// The arguments of `pledge run --rpc-url URL --token 0x…`.
#[derive(Debug, Clone)]
pub struct Quick {
    pub rpc_url: NodeUrl,
    /// The contract, as typed.
    pub token: String,
    /// First block, if not that of the deployment.
    pub start_block: Option<u64>,
    /// Points per whole token per hour, as typed; without it the ledger is kept alone.
    pub rate: Option<String>,
    /// How far ahead of the clock blocks may be, as typed.
    pub clock_slack: Option<String>,
}

const TOKEN: &str = "token";

/// Keys of the chain and the flags that set them. The first entry that equals or contains a key
/// names it.
const FLAGS: [(&str, &str); 6] = [
    ("rpc_urls", "--rpc-url"),
    ("clock_slack", "--clock-slack"),
    ("tokens.token.address", "--token"),
    ("tokens.token.start_block", "--start-block"),
    ("tokens.token.points", "--rate"),
    ("tokens.token", "--token"),
];

impl Quick {
    /// Checks the flags as far as possible without asking a node.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::default();
        problems.take(&Key::root("--token"), parse_address(&self.token));
        if let Some(rate) = &self.rate {
            problems.take(&Key::root("--rate"), rate.parse::<Rate>());
        }
        if let Some(slack) = &self.clock_slack {
            problems.take(&Key::root("--clock-slack"), parse_slack(slack));
        }
        problems.into_result()
    }

    /// The keys of the chain that the flags write.
    pub(super) fn keys(&self, chain: &Key) -> Vec<Key> {
        let token = chain.child("tokens").child(TOKEN);
        let written = [
            (true, chain.child("chain_id")),
            (true, chain.child("rpc_urls")),
            (self.clock_slack.is_some(), chain.child("clock_slack")),
            (true, token.child("address")),
            (self.start_block.is_some(), token.child("start_block")),
            (self.rate.is_some(), token.child("points").child("rate")),
        ];
        written.into_iter().filter_map(|(is_written, key)| is_written.then_some(key)).collect()
    }

    pub(super) fn write_into(&self, chain_id: ChainId, raw: &mut RawConfig) {
        let chain = raw.chains.entry(name_of(chain_id)).or_default();
        chain.chain_id = Some(Whole(chain_id.get()));
        chain.rpc_urls = Some(TextList(vec![self.rpc_url.expose().to_string()]));
        chain.clock_slack = self.clock_slack.clone().or_else(|| chain.clock_slack.take());
        let token = chain.tokens.entry(TOKEN.to_owned()).or_default();
        token.address = Some(self.token.clone());
        token.start_block = self.start_block.map(Whole).or(token.start_block);
        if let Some(rate) = &self.rate {
            token.points.get_or_insert_default().rate = Some(RateText(rate.clone()));
        }
    }
}

/// The generated name of a chain.
pub(super) fn name_of(chain_id: ChainId) -> String {
    format!("chain_{chain_id}")
}

/// The flag that sets a key of the chain, or the key itself.
pub(super) fn flag_of(key: &str, chain: &Key) -> String {
    let of_chain = key.strip_prefix(chain.as_str()).and_then(|rest| rest.strip_prefix('.'));
    let holds = |prefix: &str| {
        let below = of_chain.and_then(|rest| rest.strip_prefix(prefix));
        below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
    };
    let flag = FLAGS.iter().find(|(prefix, _)| holds(prefix));
    flag.map_or_else(|| key.to_owned(), |(_, flag)| (*flag).to_owned())
}

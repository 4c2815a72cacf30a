//! One chain and one token from the command line.

use pledge_core::types::ChainId;

use super::raw::{RateText, RawChain, RawConfig, RawPoints, RawToken, TextList, Whole};
use super::{ConfigError, NodeUrl};

/// What `pledge run --rpc-url URL --token 0x…` says.
#[derive(Debug, Clone)]
pub struct Quick {
    /// The chain that the node says it is on.
    pub chain: ChainId,
    /// The node.
    pub rpc_url: NodeUrl,
    /// The contract, as typed.
    pub token: String,
    /// First block, if not that of the deployment.
    pub start_block: Option<u64>,
    /// Points per whole token per hour, as typed; without it the ledger is kept alone.
    pub rate: Option<String>,
}

const TOKEN: &str = "token";

/// Keys of the configuration that the flags stand for.
const FLAGS: [(&str, &str); 4] = [
    ("rpc_urls", "--rpc-url"),
    ("tokens.token.address", "--token"),
    ("tokens.token.start_block", "--start-block"),
    ("tokens.token.points", "--rate"),
];

impl Quick {
    fn name(&self) -> String {
        format!("chain-{}", self.chain)
    }

    pub(super) fn write_into(&self, raw: &mut RawConfig) {
        let token = RawToken {
            address: Some(self.token.clone()),
            start_block: self.start_block.map(Whole),
            points: self
                .rate
                .clone()
                .map(|rate| RawPoints { rate: Some(RateText(rate)), ..RawPoints::default() }),
        };
        let chain = RawChain {
            chain_id: Some(Whole(self.chain.get())),
            rpc_urls: Some(TextList(vec![self.rpc_url.expose().to_string()])),
            tokens: [(TOKEN.to_owned(), token)].into(),
            ..RawChain::default()
        };
        raw.chains.insert(self.name(), chain);
    }

    /// The same error in terms of the flags.
    #[must_use]
    pub fn name_flags(&self, error: ConfigError) -> ConfigError {
        let chain = format!("chains.{}.", self.name());
        error.rename(|key| {
            let of_chain = key.strip_prefix(&chain);
            let flag = FLAGS
                .iter()
                .find(|(prefix, _)| of_chain.is_some_and(|rest| rest.starts_with(prefix)));
            flag.map_or_else(|| key.to_owned(), |(_, flag)| (*flag).to_owned())
        })
    }
}

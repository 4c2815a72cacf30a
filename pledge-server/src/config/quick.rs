//! One chain and one token from the command line.

use pledge_core::types::ChainId;

use super::raw::{RateText, RawConfig, TextList, Whole};
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
        format!("chain_{}", self.chain)
    }

    pub(super) fn write_into(&self, raw: &mut RawConfig) {
        let chain = raw.chains.entry(self.name()).or_default();
        chain.chain_id = Some(Whole(self.chain.get()));
        chain.rpc_urls = Some(TextList(vec![self.rpc_url.expose().to_string()]));
        let token = chain.tokens.entry(TOKEN.to_owned()).or_default();
        token.address = Some(self.token.clone());
        token.start_block = self.start_block.map(Whole).or(token.start_block);
        if let Some(rate) = &self.rate {
            token.points.get_or_insert_default().rate = Some(RateText(rate.clone()));
        }
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

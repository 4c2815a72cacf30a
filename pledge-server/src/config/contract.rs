//! `[chains.NAME.contracts.NAME]`.

use std::collections::BTreeMap;

use pledge_core::logs::{ContractSpec, Events};
use pledge_core::primitives::{Address, B256};
use pledge_core::types::{BlockNumber, ChainId, ContractId};

use super::event::{self, EventConfig};
use super::name::check_name;
use super::raw::{EventList, Whole};
use super::section::{Shown, advised, optional, required, section};
use super::token::parse_address;
use super::{Key, Problems};

section! {
    /// The logs of a contract, kept as the chain has them: `pledge logs CHAIN:NAME` lists them. As
    /// many as you like.
    RawContract shown as ContractShown {
        /// The address of the contract.
        address: Option<String> = required("0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2"),
        /// The first block whose logs count. Default: that of the deployment, found on a node that
        /// keeps history.
        start_block: Option<Whole> = advised(Whole(16_291_127)),
        /// Signatures, or topics of 0x and 64 hex digits. Default: every log is kept. What is kept
        /// cannot be changed later.
        events: Option<EventList> = optional(EventList(vec![EVENT_EXAMPLE.to_owned()])),
    }
}

const EVENT_EXAMPLE: &str = "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)";

/// The longest name of a [`ContractId`].
const NAME_CHARS_MAX: usize = 32;

/// One contract whose logs are kept.
#[derive(Debug, Clone)]
pub struct ContractConfig {
    /// Its key in the configuration.
    pub key: Key,
    /// Its chain and its name in the configuration.
    pub id: ContractId,
    pub address: Address,
    /// First block whose logs count; `None` finds the block of its deployment on the node.
    pub start_block: Option<BlockNumber>,
    /// The events as they are written; none keeps every log.
    pub events: Vec<EventConfig>,
    /// The events by their topics.
    pub kept: Events,
}

pub(super) fn check_all(
    raw: BTreeMap<String, RawContract>,
    chain: ChainId,
    key: &Key,
    problems: &mut Problems,
) -> Vec<ContractConfig> {
    let checked = raw
        .into_iter()
        .filter_map(|(name, raw)| ContractConfig::check(&name, raw, chain, key, problems));
    checked.collect()
}

impl ContractConfig {
    /// What is registered of it, once its first block is known.
    pub fn spec(&self, start_block: BlockNumber) -> ContractSpec {
        let (id, events) = (self.id.clone(), self.kept.clone());
        ContractSpec { id, address: self.address, events, start_block }
    }

    /// The signature of the event with a first topic, if the configuration has it as text.
    pub fn signature(&self, topic0: &B256) -> Option<&str> {
        let event = self.events.iter().find(|event| event.topic0 == *topic0)?;
        event.signature.as_deref()
    }

    fn check(
        name: &str,
        raw: RawContract,
        chain: ChainId,
        contracts: &Key,
        problems: &mut Problems,
    ) -> Option<Self> {
        // Every value is checked before the first `?`, so that all problems are reported at once.
        let RawContract { address, start_block, events } = raw;
        let key = contracts.child(name);
        let is_name = check_name(name, NAME_CHARS_MAX, &key, problems);
        let id = is_name.then(|| problems.take(&key, ContractId::new(chain, name))).flatten();
        let address_key = key.child("address");
        let text = problems.require(&address_key, address, "address = \"0x…\"");
        let address = text.and_then(|text| problems.take(&address_key, parse_address(&text)));
        let events = event::check_all(events, &key.child("events"), problems);
        let (events, kept) = events?;
        Some(Self {
            key,
            id: id?,
            address: address?,
            start_block: start_block.map(|Whole(block)| BlockNumber::new(block)),
            events,
            kept,
        })
    }

    pub(super) fn shown(&self) -> ContractShown {
        let Self { key: _, id: _, address, start_block, events, kept: _ } = self;
        let events = match &events[..] {
            [] => Shown::Nothing,
            events => Shown::list(events.iter().map(|EventConfig { written, .. }| written)),
        };
        ContractShown {
            address: Shown::text(address),
            start_block: start_block.map_or(Shown::OnNode, |block| Shown::whole(block.get())),
            events,
        }
    }
}

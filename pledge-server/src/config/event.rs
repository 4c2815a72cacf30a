//! The `events` of a contract: signatures, or the topics that they hash to.

use std::collections::HashMap;

use alloy::json_abi::Event;
use alloy::json_abi::parser::TypeSpecifier;
use pledge_core::logs::Events;
use pledge_core::primitives::B256;

use super::raw::EventList;
use super::{Key, Problems};

/// More could not be indexed: the first of four topics is that of the event.
const INDEXED_MAX: usize = 3;

/// An event whose logs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventConfig {
    /// As it is written in the configuration.
    pub written: String,
    /// The first topic of its logs.
    pub topic0: B256,
    /// Its canonical signature; `None` if the configuration has the topic alone.
    pub signature: Option<String>,
}

/// The events as written, and as they are kept; no events and all, if none are written.
pub(super) fn check_all(
    raw: Option<EventList>,
    key: &Key,
    problems: &mut Problems,
) -> Option<(Vec<EventConfig>, Events)> {
    let Some(EventList(texts)) = raw else {
        return Some((Vec::new(), Events::all()));
    };
    let mut events = Vec::with_capacity(texts.len());
    let mut seen: HashMap<B256, Key> = HashMap::new();
    for (index, text) in texts.iter().enumerate() {
        let key = key.index(index);
        let Some(event) = problems.take(&key, EventConfig::parse(text)) else {
            continue;
        };
        if let Some(first) = seen.insert(event.topic0, key.clone()) {
            problems.add(&key, format!("is the event of {first} too: remove one of the two"));
        }
        events.push(event);
    }
    // What is wrong with an entry is reported once, not as a number of events too.
    if events.len() < texts.len() {
        return None;
    }
    let kept = problems.take(key, Events::only(events.iter().map(|event| event.topic0)))?;
    Some((events, kept))
}

impl EventConfig {
    fn parse(text: &str) -> Result<Self, String> {
        let written = text.to_owned();
        if text.starts_with("0x") {
            let topic0 = text.parse().map_err(|_| {
                format!("`{text}` is not a topic: write 0x and 64 hex digits, or a signature")
            })?;
            return Ok(Self { written, topic0, signature: None });
        }
        let event = parse_signature(text).map_err(|reason| {
            format!(
                "`{text}` is not the signature of an event ({reason}): write one such as \
                 \"StateChange(uint256,uint256,uint256)\""
            )
        })?;
        Ok(Self { written, topic0: event.selector(), signature: Some(event.signature()) })
    }
}

/// Parses a signature, with or without `event`, names of parameters and a semicolon.
///
/// Every type must be one of the ABI: a wrong one would hash to a topic that no log has, and
/// nothing would be kept without an error.
fn parse_signature(text: &str) -> Result<Event, String> {
    let signature = text.trim_end().trim_end_matches(';');
    let event = Event::parse(signature).map_err(|_| "it cannot be read".to_owned())?;
    let name = signature.strip_prefix("event").map_or(signature, |name| {
        if name.starts_with(char::is_whitespace) { name.trim_start() } else { signature }
    });
    // The parser takes a dotted name for an enum, and `uint` for `uint256`, also as the event's.
    if !name.starts_with(&event.name) || text.contains('.') {
        return Err("names have no dots, and are not types".to_owned());
    }
    for input in &event.inputs {
        let ty = input.selector_type();
        let known = TypeSpecifier::parse(&ty).and_then(|ty| ty.try_basic_solidity());
        if known.is_err() || has_leading_zero(&ty) {
            return Err(format!(
                "`{ty}` is no type of the ABI; an enum is uint8, a contract is address, a struct is \
                 its members in parentheses"
            ));
        }
    }
    if event.anonymous {
        return Err("an anonymous event has no topic: leave `events` out to keep every log".into());
    }
    if event.inputs.iter().filter(|input| input.indexed).count() > INDEXED_MAX {
        return Err(format!("at most {INDEXED_MAX} parameters are indexed"));
    }
    Ok(event)
}

/// Whether a size begins with zero: `uint08` is not `uint8`, and would hash to another topic.
fn has_leading_zero(ty: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    ty.split(|c| !is_digit(c)).any(|number| number.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use pledge_core::primitives::{b256, keccak256};

    use super::*;

    fn topic0(text: &str) -> B256 {
        EventConfig::parse(text).unwrap().topic0
    }

    #[test]
    fn an_event_is_the_hash_of_its_types_however_it_is_written() {
        let transfer = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
        for written in [
            "Transfer(address,address,uint256)",
            "Transfer(address,address,uint)",
            "event Transfer(address indexed from, address indexed to, uint256 value);",
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        ] {
            assert_eq!(topic0(written), transfer, "{written}");
        }
    }

    #[test]
    fn structs_and_lists_are_types() {
        let canonical = "Filled((address,uint256[])[2],bytes32,string)";
        let written = "event Filled((address,uint[])[2] orders, bytes32 indexed id, string memo)";
        assert_eq!(topic0(written), keccak256(canonical));
        let signature = EventConfig::parse(written).unwrap().signature;
        assert_eq!(signature.as_deref(), Some(canonical));
    }

    #[test]
    fn a_signature_that_no_log_can_have_is_refused() {
        for wrong in [
            "",
            "StateChange",
            "StateChange(uint256",
            "(uint256)",
            "StateChange(uin256)",
            "StateChange(uint257)",
            "StateChange(uint08)",
            "StateChange(IERC20 token)",
            "StateChange(Pool.State)",
            "Pool.StateChange(uint256)",
            "uint(uint256)",
            "function stateChange(uint256)",
            "StateChange(uint256) anonymous",
            "E(uint8 indexed a, uint8 indexed b, uint8 indexed c, uint8 indexed d)",
        ] {
            let refused = EventConfig::parse(wrong).unwrap_err();
            assert!(refused.contains("\"StateChange(uint256,uint256,uint256)\""), "{refused}");
        }
    }

    #[test]
    fn a_topic_that_is_too_short_is_refused() {
        assert!(EventConfig::parse("0xddf252ad").unwrap_err().contains("64 hex digits"));
    }
}

//! Where each chain is.

use std::fmt;
use std::time::SystemTime;

use pledge_core::ledger::TokenState;
use pledge_core::ports::ChainState;
use pledge_core::query::furthest_behind;
use pledge_core::types::{BlockRef, Timestamp};
use pledge_http::views::Age;
use pledge_http::{Beat, Followed, Pulse};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::family::{gauge, gauges};

/// Every status of a chain.
const HALTED: &str = "halted";
const STATES: [&str; 5] = ["syncing", "live", "degraded", "paused", HALTED];

/// Every status of a token.
const TOKEN_STATES: [&str; 3] = ["active", HALTED, "paused"];

#[derive(Debug)]
struct Chains {
    pulse: Pulse,
    clock: fn() -> SystemTime,
}

pub(super) fn register(registry: &mut Registry, pulse: Pulse, clock: fn() -> SystemTime) {
    registry.register_collector(Box::new(Chains { pulse, clock }));
}

/// A chain, and the cursor that is furthest behind.
struct Seen<'a> {
    state: &'a ChainState,
    followed: &'a Followed,
    confirmed: Option<BlockRef>,
}

impl Seen<'_> {
    fn labels(&self) -> [(&'static str, String); 1] {
        [("chain", self.state.name.clone())]
    }

    fn lag_blocks(&self) -> Option<u64> {
        // A cursor ahead of a head that went back is no lag.
        Some(self.state.head?.get().saturating_sub(self.confirmed?.number.get()))
    }

    fn tokens(&self, state: &str) -> u64 {
        let in_it = |token: &&TokenState| match state {
            // Of one that is paused too: what is wrong stays in sight.
            HALTED => token.status.is_halted(),
            state => token.status.name() == state,
        };
        self.followed.tokens.iter().filter(in_it).count() as u64
    }
}

impl Collector for Chains {
    /// Nothing but whether the store can be read is written while it cannot: what was known before would
    /// look as if it still were so.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let beat = self.pulse.last();
        let states = match &beat {
            Some(Beat { chains: Ok(states), .. }) => states.to_vec(),
            Some(Beat { chains: Err(_), .. }) | None => Vec::new(),
        };
        let is_up = beat.as_ref().is_some_and(|beat| beat.chains.is_ok());
        let encoder = &mut encoder;
        let help = "Whether the store answered the last reading, which happens once a second";
        gauge(encoder, ("pledge_store_up", help), u64::from(is_up))?;
        let followed = beat.map(|beat| beat.followed).unwrap_or_default();
        let nothing = Followed::default();
        let seen: Vec<Seen<'_>> = states
            .iter()
            .map(|state| {
                let followed = followed.get(&state.chain).unwrap_or(&nothing);
                let confirmed = furthest_behind(&followed.tokens, &followed.contracts);
                Seen { state, followed, confirmed }
            })
            .collect();
        encode_states(encoder, &seen)?;
        encode_blocks(encoder, &seen)?;
        encode_times(encoder, &seen, (self.clock)())
    }
}

fn encode_states(encoder: &mut DescriptorEncoder<'_>, seen: &[Seen<'_>]) -> fmt::Result {
    let states = seen.iter().flat_map(|seen| {
        STATES.map(|state| {
            let [chain] = seen.labels();
            let status = &seen.state.status;
            let is_halted = status.halt_under_pause().is_some() && state == HALTED;
            let is_in_it = status.name() == state || is_halted;
            ([chain, ("state", state.to_owned())], u64::from(is_in_it))
        })
    });
    let help = "The state of a chain: 1 for each that it is in, 0 for the others; it may be paused and halted";
    gauges(encoder, ("pledge_chain_state", help), states)?;
    let tokens = seen.iter().flat_map(|seen| {
        TOKEN_STATES.map(|state| {
            let [chain] = seen.labels();
            ([chain, ("state", state.to_owned())], seen.tokens(state))
        })
    });
    gauges(
        encoder,
        ("pledge_tokens", "Tokens of a chain, by state; one may be paused and halted"),
        tokens,
    )
}

fn encode_blocks(encoder: &mut DescriptorEncoder<'_>, seen: &[Seen<'_>]) -> fmt::Result {
    let of_each = |figure: fn(&Seen<'_>) -> Option<u64>| {
        seen.iter().filter_map(move |seen| Some((seen.labels(), figure(seen)?)))
    };
    let head = of_each(|seen| seen.state.head.map(|head| head.get()));
    gauges(encoder, ("pledge_chain_head_block", "The newest block that was seen"), head)?;
    let confirmed = of_each(|seen| seen.confirmed.map(|block| block.number.get()));
    let help = "The cursor that is furthest behind, over active tokens and contracts";
    gauges(encoder, ("pledge_chain_confirmed_block", help), confirmed)?;
    let help = "Blocks between that cursor and the head";
    gauges(encoder, ("pledge_chain_lag_blocks", help), of_each(|seen| seen.lag_blocks()))
}

fn encode_times(
    encoder: &mut DescriptorEncoder<'_>,
    seen: &[Seen<'_>],
    now: SystemTime,
) -> fmt::Result {
    let ages = |time: fn(&Seen<'_>) -> Option<Timestamp>| {
        let age = move |seen: &Seen<'_>| Some((seen.labels(), Age::of(time(seen)?, now).seconds()));
        seen.iter().filter_map(age)
    };
    let help = "How long ago the head was mined; negative if it is ahead of the clock";
    gauges(encoder, ("pledge_chain_head_age_seconds", help), ages(|seen| seen.state.head_time))?;
    let help = "How long ago the block of the cursor that is furthest behind was mined";
    let confirmed = ages(|seen| seen.confirmed.map(|block| block.time));
    gauges(encoder, ("pledge_chain_lag_seconds", help), confirmed)
}

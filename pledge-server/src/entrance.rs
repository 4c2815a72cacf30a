//! The routes of the API, each with who may use it, over what this process works with.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use pledge_core::ports::ChainSource;
use pledge_core::query::Queries;
use pledge_core::types::ProgrammeId;
use pledge_http::Api;
use pledge_http::access::{self, AccessApi, BackgroundActs, Gatekeeper, Operator};
use pledge_http::live::Turns;
use pledge_office::access::{Authenticator, RightsWatch, SignIn};

use crate::access::{Sources, sign_in};
use crate::config::{AccessConfig, ChainConfig, LimitsConfig};
use crate::late::LateChain;
use crate::metrics::TurnMeter;
use crate::rewinding::ConfiguredChains;
use crate::serving::{self, ReaderThreads};
use crate::setup::token_id;
use crate::stores::Stores;
use crate::wire;

/// Who may use the API, and what its callers work on.
#[derive(Debug)]
pub(crate) struct Entrance {
    keeper: Gatekeeper,
    /// `None` where the store keeps no users.
    api: Option<AccessApi>,
    background: BackgroundActs,
}

impl Entrance {
    /// That of a process which follows these chains into these stores.
    pub(crate) fn new(
        config: &AccessConfig,
        public_reads: bool,
        chains: &[ChainConfig],
        stores: &Stores,
        queries: Queries,
        limits: &LimitsConfig,
    ) -> Self {
        // An act that takes long is answered in the other half of the time.
        let background = BackgroundActs::new(limits.request_timeout / 2);
        let store = stores.access.clone();
        let sign_in = store.clone().zip(config.sign_in.as_ref()).map(|(store, with)| {
            Arc::new(sign_in(with, config.registration, store, sources(chains)))
        });
        // Without a way to sign in nobody is let in, and what is public is read.
        let authenticator = sign_in.as_ref().map(|sign_in: &Arc<SignIn>| {
            Arc::new(sign_in.sessions().clone()) as Arc<dyn Authenticator>
        });
        let api = store.map(|store| AccessApi {
            store,
            sign_in,
            audit: stores.audit.clone(),
            operator: operator(chains, stores, background.clone()),
            queries,
            random: wire::random(),
            clock: SystemTime::now,
        });
        Self { keeper: Gatekeeper { authenticator, public_reads, watch: None }, api, background }
    }

    /// What goes on when the request that asked for it ends.
    pub(crate) fn background(&self) -> BackgroundActs {
        self.background.clone()
    }

    /// Who lets callers in, for what lasts longer than a request.
    pub(crate) const fn keeper(&self) -> &Gatekeeper {
        &self.keeper
    }

    /// With one who is notified of what changes rights.
    pub(crate) fn watched_by(mut self, watch: Arc<dyn RightsWatch>) -> Self {
        self.keeper.watch = Some(watch);
        self
    }

    /// The routes. Those that read take turns on threads of their own; the others are bounded by what they do.
    pub(crate) fn routes(
        self,
        api: Api,
        (turns, meter): (&Turns, &TurnMeter),
        threads: &ReaderThreads,
    ) -> Router {
        let Self { keeper, api: access, .. } = self;
        let reading = threads.reading(access::guarded(api, &keeper));
        let reading = serving::taking_turns(reading, turns, meter);
        match access {
            Some(access) => {
                reading.merge(serving::slowing_sign_in(access::routes(access, &keeper)))
            }
            None => reading,
        }
    }
}

/// What operators work on.
fn operator(chains: &[ChainConfig], stores: &Stores, background: BackgroundActs) -> Operator {
    let rewinder = ConfiguredChains::new(chains.to_vec(), stores.clone());
    let declared = chains.iter().flat_map(|chain| {
        let earning = chain.tokens.iter().filter(|token| token.points.is_some());
        earning.map(|token| ProgrammeId::main(token_id(chain, token)))
    });
    let declared: BTreeSet<_> = declared.collect();
    Operator { ports: stores.ports(), rewinder: Arc::new(rewinder), background, declared }
}

/// The chains on which wallets are looked up.
fn sources(chains: &[ChainConfig]) -> Sources {
    let source = |chain: &ChainConfig| {
        let source: Arc<dyn ChainSource> = Arc::new(LateChain::new(chain.clone()));
        (chain.id, source)
    };
    chains.iter().map(source).collect()
}

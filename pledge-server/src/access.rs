//! Sign-in, put together from the configuration, the store and the chains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use pledge_core::ports::ChainSource;
use pledge_core::types::{ChainId, Timestamp};
use pledge_office::access::{
    AccessStore, Expected, Nonces, Purpose, RefreshTimes, Registration, SessionParts, Sessions,
    SignIn, SignInParts, Wallets,
};
use pledge_office::base::WallClock;

use crate::config::SignInConfig;
use crate::wire;

/// The chains on which wallets are looked up.
pub(crate) type Sources = BTreeMap<ChainId, Arc<dyn ChainSource>>;

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineClock;

impl WallClock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::of_clock(SystemTime::now())
            .expect("the machine's clock is between 1970 and 36812")
    }
}

/// Sign-in over a store, for wallets on these chains. It makes a hash, which takes as long as any.
pub(crate) fn sign_in(
    config: &SignInConfig,
    registration: Registration,
    store: Arc<dyn AccessStore>,
    sources: Sources,
) -> SignIn {
    let SignInConfig { secrets, domain } = config;
    let (random, clock) = (wire::random(), Arc::new(MachineClock));
    let wallets = Wallets::new(sources);
    let sessions = Sessions::new(SessionParts {
        store: store.clone(),
        tokens: wire::access_tokens(&secrets.keys(Purpose::AccessToken), domain.as_str()),
        wallets: wallets.clone(),
        refresh_keys: secrets.keys(Purpose::RefreshToken),
        times: RefreshTimes::USUAL,
        random: random.clone(),
        clock: clock.clone(),
    });
    // A wallet on a chain that this server does not follow cannot be asked.
    let expected = Expected {
        scheme: domain.scheme().to_owned(),
        domain: domain.as_str().to_owned(),
        chains: wallets.chains().collect(),
    };
    let parts = SignInParts {
        store,
        passwords: wire::passwords(random.clone()),
        wallets,
        nonces: Nonces::new(secrets.keys(Purpose::Nonce)),
        expected,
        registration,
        random,
        clock,
    };
    SignIn::new(parts, sessions)
}

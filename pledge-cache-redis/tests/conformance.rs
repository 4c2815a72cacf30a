//! The laws of pending blocks and leases, whatever the server does.

mod support;

use std::sync::Arc;

use pledge_cache_redis::{RedisLeases, RedisPending};
use pledge_core::ports::{Leases, PendingCache};
use support::{absent, healthy};

mod pending {
    use super::*;

    pledge_testing::pending_cache_conformance!(async {
        Arc::new(RedisPending::new(healthy().await)) as Arc<dyn PendingCache>
    });
}

mod pending_without_a_server {
    use super::*;

    pledge_testing::pending_cache_conformance!(async {
        Arc::new(RedisPending::new(absent().await)) as Arc<dyn PendingCache>
    });
}

mod leases {
    use super::*;

    pledge_testing::leases_conformance!(async {
        Arc::new(RedisLeases::new(healthy().await)) as Arc<dyn Leases>
    });
}

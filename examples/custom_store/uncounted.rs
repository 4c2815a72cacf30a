//! The ports that are forwarded as they are: the macro has their signatures.

use async_trait::async_trait;
use pledge_core::forward_store;
use pledge_core::ports::{AuditReads, EventReads, EventStore, LogReads, LogStore};

use super::metered::Metered;

#[async_trait]
impl<S: EventReads> EventReads for Metered<S> {
    forward_store!(store: events kept_events);
}

#[async_trait]
impl<S: EventStore> EventStore for Metered<S> {
    forward_store!(store: delivered record_delivered prune_events);
}

#[async_trait]
impl<S: AuditReads> AuditReads for Metered<S> {
    forward_store!(store: audit);
}

#[async_trait]
impl<S: LogReads> LogReads for Metered<S> {
    forward_store!(store: contracts contract contract_logs);
}

#[async_trait]
impl<S: LogStore> LogStore for Metered<S> {
    forward_store!(store: register_contract commit_logs);
}

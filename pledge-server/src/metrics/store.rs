//! The calls of the store's ports, and how busy its connections are.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::event::ReorgRecord;
use pledge_core::forward_store;
use pledge_core::ports::{
    BatchFailure, EventReads, EventStore, LedgerReads, LedgerWrites, LogReads, LogStore,
    PointsReads, PointsStore, Registry as PortRegistry, Rewind, SettlementBatch,
};
use pledge_core::types::TokenId;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::family::{counters, gauges};
use super::names::ChainNames;
use crate::load::{LoadReader, StoreLoad};
use crate::stores::{Readers, Stores};

/// The upper bounds of the buckets of a call's duration, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// The upper bounds of the buckets of a reorg's depth, in blocks.
const BLOCKS: [f64; 9] = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 64.0, 256.0, 1024.0];
/// The handle of the process's own work.
const ENGINE: &str = "engine";
/// The handle of readers outside.
const READERS: &str = "readers";

/// Counts the calls of the store's ports. A clone is another handle to the same counts.
#[derive(Debug, Clone)]
pub struct StoreMeter {
    names: ChainNames,
    durations: Family<Operation, Histogram, fn() -> Histogram>,
    errors: Family<Failed, Counter>,
    under_way: Family<Handle, Gauge>,
    reorgs: Family<OfChain, Histogram, fn() -> Histogram>,
    batches: Family<Batches, Counter>,
    /// How busy the connections of readers outside are, once there are some.
    readers: Arc<OnceLock<LoadReader>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    handle: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    handle: &'static str,
    operation: &'static str,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handle {
    handle: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChain {
    chain: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Batches {
    chain: String,
    outcome: &'static str,
}

impl StoreMeter {
    pub(super) fn new(names: ChainNames) -> Self {
        Self {
            names,
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            errors: Family::default(),
            under_way: Family::default(),
            reorgs: Family::new_with_constructor(|| Histogram::new(BLOCKS)),
            batches: Family::default(),
            readers: Arc::default(),
        }
    }

    /// These stores, whose calls are counted.
    pub fn around(&self, stores: Stores) -> Stores {
        Stores {
            balances: Arc::new(self.over(ENGINE, stores.balances)),
            points: Arc::new(self.over(ENGINE, stores.points)),
            events: Arc::new(self.over(ENGINE, stores.events)),
            logs: Arc::new(self.over(ENGINE, stores.logs)),
            ..stores
        }
    }

    /// These reading halves, whose calls are counted.
    pub fn around_readers(&self, readers: Readers) -> Readers {
        let Readers { ledger, points, logs, load } = readers;
        // An error means that it is known.
        let _ = self.readers.set(load.clone());
        Readers {
            ledger: Arc::new(self.over(READERS, ledger)),
            points: Arc::new(self.over(READERS, points)),
            logs: Arc::new(self.over(READERS, logs)),
            load,
        }
    }

    fn over<T>(&self, handle: &'static str, inner: T) -> Measured<T> {
        Measured { inner, handle, meter: self.clone() }
    }

    pub(super) fn register(&self, registry: &mut Registry, stores: Stores) {
        let Self { durations, errors, under_way, reorgs, batches, readers, .. } = self.clone();
        let help = "Time of the calls of the store, by operation";
        registry.register("pledge_store_operation_duration_seconds", help, durations);
        let help = "Calls of the store that failed, by what the caller does next";
        registry.register("pledge_store_errors", help, errors);
        let help = "Calls of the store under way, those that wait included";
        registry.register("pledge_store_operations_in_flight", help, under_way);
        let help = "Blocks that a reorg took back, at most over its tokens";
        registry.register("pledge_reorg_depth_blocks", help, reorgs);
        let help = "Batches of settlements, by what came of them";
        registry.register("pledge_points_batches", help, batches);
        registry.register_collector(Box::new(Loads { stores, readers }));
    }

    fn rewound(&self, record: &ReorgRecord) {
        let to = record.to.number.get();
        let of_tokens = record.tokens.iter().map(|token| token.from.number.get());
        let of_contracts = record.contracts.iter().map(|contract| contract.from.number.get());
        let Some(from) = of_tokens.chain(of_contracts).max() else { return };
        let depth = u32::try_from(from.saturating_sub(to)).unwrap_or(u32::MAX);
        let chain = self.names.of(record.chain);
        self.reorgs.get_or_create(&OfChain { chain }).observe(depth.into());
    }

    fn batch(&self, token: TokenId, outcome: &'static str) {
        let chain = self.names.of(token.chain);
        self.batches.get_or_create(&Batches { chain, outcome }).inc();
    }
}

/// A port whose calls are counted.
#[derive(Debug)]
struct Measured<T> {
    inner: T,
    handle: &'static str,
    meter: StoreMeter,
}

impl<T: Send + Sync> Measured<T> {
    async fn measured<A>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<A, StoreError>> + Send,
    ) -> Result<A, StoreError> {
        let handle = self.handle;
        let _under_way =
            UnderWay::new(self.meter.under_way.get_or_create_owned(&Handle { handle }));
        let since = Instant::now();
        let answer = call.await;
        let durations = self.meter.durations.get_or_create(&Operation { handle, operation });
        durations.observe(since.elapsed().as_secs_f64());
        if let Err(error) = &answer {
            let kind = name_of_kind(error.kind());
            self.meter.errors.get_or_create(&Failed { handle, operation, kind }).inc();
        }
        answer
    }
}

const fn name_of_kind(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Unavailable => "unavailable",
        StoreErrorKind::Busy => "busy",
        StoreErrorKind::Conflict => "conflict",
        StoreErrorKind::BeyondRetention => "beyond_retention",
        StoreErrorKind::Corrupt => "corrupt",
        StoreErrorKind::Invalid => "invalid",
        _ => "other",
    }
}

/// A call under way, until this is dropped: also one that is dropped itself.
struct UnderWay(Gauge);

impl UnderWay {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[async_trait]
impl<T: PortRegistry> PortRegistry for Measured<T> {
    forward_store!(inner through measured: register_chain report_chain pause_chain resume_chain);
    forward_store!(inner through measured: register_token halt_token heal_token pause_token);
    forward_store!(inner through measured: resume_token record_supply);
}

#[async_trait]
impl<T: LedgerReads> LedgerReads for Measured<T> {
    forward_store!(inner through measured: chains chain tokens token headers edges states history);
    forward_store!(inner through measured: last_change_block changes unreadable_logs change_time);
    forward_store!(inner through measured: histories holders);
}

#[async_trait]
impl<T: LedgerWrites> LedgerWrites for Measured<T> {
    async fn rewind(&self, rewind: &Rewind) -> Result<ReorgRecord, StoreError> {
        let record = self.measured("rewind", self.inner.rewind(rewind)).await?;
        self.meter.rewound(&record);
        Ok(record)
    }

    forward_store!(inner through measured: commit record_edges);
}

#[async_trait]
impl<T: PointsReads> PointsReads for Measured<T> {
    forward_store!(inner through measured: programmes settlements totals standings statements);
    forward_store!(inner through measured: entries decisions);
}

#[async_trait]
impl<T: PointsStore> PointsStore for Measured<T> {
    async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
        self.measured("commit_batch", self.inner.commit_batch(batch)).await?;
        self.meter.batch(batch.programme.token, "settled");
        Ok(())
    }

    async fn record_failure(&self, failure: &BatchFailure) -> Result<(), StoreError> {
        self.measured("record_failure", self.inner.record_failure(failure)).await?;
        self.meter.batch(failure.programme.token, "failed");
        Ok(())
    }

    forward_store!(inner through measured: add_programme put_programme decide reset_failures);
}

#[async_trait]
impl<T: EventReads> EventReads for Measured<T> {
    forward_store!(inner through measured: events kept_events);
}

#[async_trait]
impl<T: EventStore> EventStore for Measured<T> {
    forward_store!(inner through measured: delivered record_delivered prune_events);
}

#[async_trait]
impl<T: LogReads> LogReads for Measured<T> {
    forward_store!(inner through measured: contracts contract contract_logs);
}

#[async_trait]
impl<T: LogStore> LogStore for Measured<T> {
    forward_store!(inner through measured: register_contract commit_logs);
}

/// How busy the connections of each handle are.
#[derive(Debug)]
struct Loads {
    stores: Stores,
    readers: Arc<OnceLock<LoadReader>>,
}

impl Collector for Loads {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let readers = self.readers.get().map(LoadReader::load);
        let loads: Vec<(&str, StoreLoad)> = [(ENGINE, self.stores.load()), (READERS, readers)]
            .into_iter()
            .filter_map(|(handle, load)| load.map(|load| (handle, load)))
            .collect();
        let of_each = |figure: fn(&StoreLoad) -> u64| {
            loads.iter().map(move |(handle, load)| ([("handle", *handle)], figure(load)))
        };
        let encoder = &mut encoder;
        let help = "Connections of the store in use";
        gauges(encoder, ("pledge_store_connections_in_use", help), of_each(|load| load.under_way))?;
        let help = "Calls of the store that wait for a connection";
        gauges(encoder, ("pledge_store_connections_waiting", help), of_each(|load| load.waiting))?;
        let help = "Calls of the store that took a connection or were refused one";
        counters(encoder, ("pledge_store_connection_waits", help), of_each(|load| load.waits))?;
        let waited = loads.iter();
        let waited =
            waited.map(|(handle, load)| ([("handle", *handle)], load.waited.as_secs_f64()));
        let help = "Time that calls of the store waited for a connection";
        counters(encoder, ("pledge_store_connection_wait_seconds", help), waited)?;
        let help = "Reads that were refused, as more were there than may be";
        counters(encoder, ("pledge_store_reads_refused", help), of_each(|load| load.refused))
    }
}

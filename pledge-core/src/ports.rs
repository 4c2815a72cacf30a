//! The ports: what the engine needs from the outside, one trait each.
//!
//! Every sentence of a port's contract is a law in `pledge-testing`, tested on each implementation.

mod archive;
mod audit_reads;
mod balance_store;
mod chain_source;
mod chain_source_ext;
mod chain_state;
mod check;
mod event_retention;
mod event_store;
mod forward;
mod leases;
mod ledger_reads;
mod ledger_writes;
mod log_store;
mod new_blocks;
mod notifier;
mod pending_cache;
mod points_store;
mod price_source;
mod registry;
mod settlement;

pub use archive::{Archive, RecordSink, RecordSource};
pub use audit_reads::{AuditQuery, AuditReads};
pub use balance_store::BalanceStore;
pub(crate) use chain_source::header_of;
pub use chain_source::{ChainSource, HeaderDetail, LogsAnswer, LogsRequest};
pub use chain_source_ext::ChainSourceExt;
pub use chain_state::{ChainReport, ChainState};
pub use event_retention::{ConsumerState, EventRetention, Pruning};
pub use event_store::{EventReads, EventStore, KeptEvents, check_delivery};
pub use leases::Leases;
pub use ledger_reads::{
    AccountHistory, ChangesQuery, HistoriesPage, HistoriesPlace, HistoriesQuery, LedgerReads, Seen,
};
pub use ledger_writes::{LedgerCommit, LedgerWrites, Rewind, TokenCommit};
pub use log_store::{ContractCommit, ContractLogsQuery, LogOrder, LogReads, LogStore, LogsCommit};
pub use new_blocks::NewBlocks;
pub use notifier::{Notifier, NotifyError, NotifyErrorKind};
pub use pending_cache::{PendingBlock, PendingCache, PendingSnapshot};
pub use points_store::{
    BatchFailure, PointsReads, PointsStore, ProgrammeState, SettlementBatch, ShardProgress,
    ShardRun, Standing, Statement, StatementKind, StatementPlace, StatementRows, StatementsQuery,
};
pub use price_source::{Price, PriceError, PriceErrorKind, PriceSource};
pub use registry::Registry;
pub use settlement::{Settlement, SettlementsQuery, WindowTotal};

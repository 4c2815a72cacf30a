//! Forwarding the methods of a port: what a store that wraps another need not write.

/// Forwards methods of the stores' ports to a field, inside an `impl` under `#[async_trait]`. A
/// decorator needs one line for all that it does not change.
///
/// The field is anything that implements the port: `Arc<dyn BalanceStore>`, or a type parameter
/// bound by it. Methods are those of the parts of [`BalanceStore`](crate::ports::BalanceStore)
/// ([`Registry`](crate::ports::Registry), [`LedgerReads`](crate::ports::LedgerReads),
/// [`LedgerWrites`](crate::ports::LedgerWrites)), of [`PointsReads`](crate::ports::PointsReads) and
/// [`PointsStore`](crate::ports::PointsStore), [`EventReads`](crate::ports::EventReads) and
/// [`EventStore`](crate::ports::EventStore),
/// [`AuditReads`](crate::ports::AuditReads), [`LogReads`](crate::ports::LogReads) and
/// [`LogStore`](crate::ports::LogStore), by name. The
/// compiler reports a method that is neither written nor forwarded, so a new method of a port is
/// never missed. The crate that uses the macro needs `async-trait`.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use async_trait::async_trait;
/// use pledge_core::error::StoreError;
/// use pledge_core::forward_store;
/// use pledge_core::ports::{PointsReads, PointsStore, SettlementBatch};
/// use pledge_storage_memory::MemoryStore;
///
/// /// Counts the batches that are written.
/// #[derive(Debug)]
/// struct Counting {
///     inner: Arc<dyn PointsStore>,
///     batches: AtomicU64,
/// }
///
/// #[async_trait]
/// impl PointsReads for Counting {
///     forward_store!(inner: programmes settlements totals standings statements entries decisions);
/// }
///
/// #[async_trait]
/// impl PointsStore for Counting {
///     async fn commit_batch(&self, batch: &SettlementBatch) -> Result<(), StoreError> {
///         self.batches.fetch_add(1, Ordering::Relaxed);
///         self.inner.commit_batch(batch).await
///     }
///
///     forward_store!(inner: add_programme put_programme decide record_failure reset_failures);
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use pledge_core::primitives::Address;
/// # use pledge_core::types::{ChainId, TokenId};
/// let store = Counting { inner: Arc::new(MemoryStore::new()), batches: AtomicU64::new(0) };
/// let token = TokenId { chain: ChainId::new(1), address: Address::repeat_byte(0x70) };
/// let unknown = store.programmes(token).await.unwrap_err();
/// assert!(unknown.to_string().contains("is not registered"));
/// # Ok(())
/// # }
/// ```
///
/// What does the same around every method names a function of its own, which gets the method's name
/// and the call that has not begun:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use async_trait::async_trait;
/// use pledge_core::error::StoreError;
/// use pledge_core::forward_store;
/// use pledge_core::ports::PointsReads;
///
/// /// Counts the reads that fail.
/// #[derive(Debug)]
/// struct Counting<S> {
///     inner: S,
///     failed: AtomicU64,
/// }
///
/// impl<S> Counting<S> {
///     async fn counted<T>(
///         &self,
///         _method: &'static str,
///         call: impl Future<Output = Result<T, StoreError>> + Send,
///     ) -> Result<T, StoreError> {
///         let answer = call.await;
///         self.failed.fetch_add(u64::from(answer.is_err()), Ordering::Relaxed);
///         answer
///     }
/// }
///
/// #[async_trait]
/// impl<S: PointsReads> PointsReads for Counting<S> {
///     forward_store!(inner through counted: programmes settlements totals standings statements);
///     forward_store!(inner through counted: entries decisions);
/// }
/// ```
#[macro_export]
macro_rules! forward_store {
    ($field:tt: $($method:ident)+) => {
        $($crate::__forward_method!($field $method);)+
    };
    ($field:ident through $around:ident: $($method:ident)+) => {
        $($crate::__forward_method!(($field through $around) $method);)+
    };
}

/// One method of [`forward_store`], by its name.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_method {
    ($field:tt register_chain) => {
        $crate::__forwarded! { $field Registry register_chain ['a]
            (chain: $crate::types::ChainId, name: &'a str) -> () }
    };
    ($field:tt chains) => {
        $crate::__forwarded! { $field LedgerReads chains []
            () -> Vec<$crate::ports::ChainState> }
    };
    ($field:tt chain) => {
        $crate::__forwarded! { $field LedgerReads chain []
            (chain: $crate::types::ChainId) -> Option<$crate::ports::ChainState> }
    };
    ($field:tt report_chain) => {
        $crate::__forwarded! { $field Registry report_chain ['a]
            (report: &'a $crate::ports::ChainReport) -> () }
    };
    ($field:tt pause_chain) => {
        $crate::__forwarded! { $field Registry pause_chain ['a]
            (chain: $crate::types::ChainId, by: &'a $crate::audit::Attribution) -> () }
    };
    ($field:tt resume_chain) => {
        $crate::__forwarded! { $field Registry resume_chain ['a 'b]
            (chain: $crate::types::ChainId, found: &'a $crate::indexer::ChainStatus, by: &'b $crate::audit::Attribution) -> () }
    };
    ($field:tt register_token) => {
        $crate::__forwarded! { $field Registry register_token ['a]
            (spec: &'a $crate::ledger::TokenSpec) -> $crate::ledger::TokenState }
    };
    ($field:tt tokens) => {
        $crate::__forwarded! { $field LedgerReads tokens []
            (chain: $crate::types::ChainId) -> Vec<$crate::ledger::TokenState> }
    };
    ($field:tt token) => {
        $crate::__forwarded! { $field LedgerReads token []
            (token: $crate::types::TokenId) -> Option<$crate::ledger::TokenState> }
    };
    ($field:tt halt_token) => {
        $crate::__forwarded! { $field Registry halt_token ['a]
            (token: $crate::types::TokenId, base: Option<$crate::types::BlockId>, reason: &'a str) -> () }
    };
    ($field:tt heal_token) => {
        $crate::__forwarded! { $field Registry heal_token []
            (token: $crate::types::TokenId, base: Option<$crate::types::BlockId>) -> () }
    };
    ($field:tt pause_token) => {
        $crate::__forwarded! { $field Registry pause_token ['a]
            (token: $crate::types::TokenId, by: &'a $crate::audit::Attribution) -> () }
    };
    ($field:tt resume_token) => {
        $crate::__forwarded! { $field Registry resume_token ['a 'b]
            (token: $crate::types::TokenId, base: Option<$crate::types::BlockId>, found: &'a $crate::ledger::TokenStatus, by: &'b $crate::audit::Attribution) -> () }
    };
    ($field:tt headers) => {
        $crate::__forwarded! { $field LedgerReads headers []
            (chain: $crate::types::ChainId, at_most: $crate::types::BlockNumber, limit: usize) -> Vec<$crate::types::BlockRef> }
    };
    ($field:tt record_edges) => {
        $crate::__forwarded! { $field LedgerWrites record_edges ['a]
            (token: $crate::types::TokenId, epoch: $crate::types::Epoch, edges: &'a [$crate::ledger::BlockEdge]) -> () }
    };
    ($field:tt edges) => {
        $crate::__forwarded! { $field LedgerReads edges ['a]
            (chain: $crate::types::ChainId, instants: &'a [$crate::types::Timestamp]) -> Vec<Option<$crate::ledger::BlockEdge>> }
    };
    ($field:tt states) => {
        $crate::__forwarded! { $field LedgerReads states ['a]
            (token: $crate::types::TokenId, accounts: &'a [$crate::types::Account]) -> $crate::ports::Seen<Vec<Option<$crate::ledger::Checkpoint>>> }
    };
    ($field:tt record_supply) => {
        $crate::__forwarded! { $field Registry record_supply ['a]
            (token: $crate::types::TokenId, base: $crate::types::BlockId, answer: &'a $crate::ledger::SupplyAnswer) -> () }
    };
    ($field:tt commit) => {
        $crate::__forwarded! { $field LedgerWrites commit ['a]
            (commit: &'a $crate::ports::LedgerCommit) -> () }
    };
    ($field:tt rewind) => {
        $crate::__forwarded! { $field LedgerWrites rewind ['a]
            (rewind: &'a $crate::ports::Rewind) -> $crate::event::ReorgRecord }
    };
    ($field:tt history) => {
        $crate::__forwarded! { $field LedgerReads history ['a]
            (token: $crate::types::TokenId, account: $crate::types::Account, times: &'a [$crate::types::Timestamp]) -> $crate::ports::Seen<Vec<Option<$crate::ledger::Checkpoint>>> }
    };
    ($field:tt last_change_block) => {
        $crate::__forwarded! { $field LedgerReads last_change_block []
            (token: $crate::types::TokenId, at: $crate::types::Timestamp) -> $crate::ports::Seen<Option<$crate::types::BlockNumber>> }
    };
    ($field:tt changes) => {
        $crate::__forwarded! { $field LedgerReads changes ['a]
            (query: &'a $crate::ports::ChangesQuery) -> $crate::ports::Seen<Vec<$crate::ledger::Change>> }
    };
    ($field:tt unreadable_logs) => {
        $crate::__forwarded! { $field LedgerReads unreadable_logs []
            (token: $crate::types::TokenId, after: Option<($crate::types::BlockNumber, $crate::types::LogIndex)>, limit: usize) -> $crate::ports::Seen<Vec<$crate::ledger::UnreadableLog>> }
    };
    ($field:tt histories) => {
        $crate::__forwarded! { $field LedgerReads histories ['a]
            (query: &'a $crate::ports::HistoriesQuery) -> $crate::ports::Seen<$crate::ports::HistoriesPage> }
    };
    ($field:tt change_time) => {
        $crate::__forwarded! { $field LedgerReads change_time []
            (token: $crate::types::TokenId, from: $crate::types::Timestamp, number: usize) -> $crate::ports::Seen<Option<$crate::types::Timestamp>> }
    };
    ($field:tt holders) => {
        $crate::__forwarded! { $field LedgerReads holders []
            (token: $crate::types::TokenId, after: Option<($crate::types::Amount, $crate::types::Account)>, limit: usize) -> $crate::ports::Seen<Vec<($crate::types::Account, $crate::ledger::Checkpoint)>> }
    };
    ($field:tt add_programme) => {
        $crate::__forwarded! { $field PointsStore add_programme ['a 'b]
            (programme: &'a $crate::points::Programme, by: &'b $crate::audit::Attribution) -> () }
    };
    ($field:tt put_programme) => {
        $crate::__forwarded! { $field PointsStore put_programme ['a 'b]
            (programme: &'a $crate::points::Programme, by: &'b $crate::audit::Attribution) -> () }
    };
    ($field:tt programmes) => {
        $crate::__forwarded! { $field PointsReads programmes []
            (token: $crate::types::TokenId) -> Vec<$crate::ports::ProgrammeState> }
    };
    ($field:tt entries) => {
        $crate::__forwarded! { $field PointsReads entries ['a 'b]
            (programme: &'a $crate::types::ProgrammeId, accounts: &'b [$crate::types::Account]) -> Vec<$crate::points::AccountEntry> }
    };
    ($field:tt decisions) => {
        $crate::__forwarded! { $field PointsReads decisions ['a]
            (programme: &'a $crate::types::ProgrammeId, below: Option<$crate::types::EntryNumber>, limit: usize) -> Vec<$crate::points::DecisionRecord> }
    };
    ($field:tt decide) => {
        $crate::__forwarded! { $field PointsStore decide ['a 'b]
            (decision: &'a $crate::points::Decision, by: &'b $crate::audit::Attribution) -> $crate::points::Decided }
    };
    ($field:tt commit_batch) => {
        $crate::__forwarded! { $field PointsStore commit_batch ['a]
            (batch: &'a $crate::ports::SettlementBatch) -> () }
    };
    ($field:tt record_failure) => {
        $crate::__forwarded! { $field PointsStore record_failure ['a]
            (failure: &'a $crate::ports::BatchFailure) -> () }
    };
    ($field:tt reset_failures) => {
        $crate::__forwarded! { $field PointsStore reset_failures ['a 'b]
            (programme: &'a $crate::types::ProgrammeId, window_start: $crate::types::Timestamp, by: &'b $crate::audit::Attribution) -> usize }
    };
    ($field:tt settlements) => {
        $crate::__forwarded! { $field PointsReads settlements ['a]
            (query: &'a $crate::ports::SettlementsQuery) -> Vec<$crate::ports::Settlement> }
    };
    ($field:tt totals) => {
        $crate::__forwarded! { $field PointsReads totals ['a 'b]
            (programme: &'a $crate::types::ProgrammeId, accounts: &'b [$crate::types::Account]) -> $crate::ports::Seen<Vec<Option<$crate::ports::Standing>>> }
    };
    ($field:tt standings) => {
        $crate::__forwarded! { $field PointsReads standings ['a]
            (programme: &'a $crate::types::ProgrammeId, after: Option<($crate::types::RawPoints, $crate::types::Account)>, limit: usize) -> $crate::ports::Seen<Vec<$crate::ports::Standing>> }
    };
    ($field:tt statements) => {
        $crate::__forwarded! { $field PointsReads statements ['a]
            (query: &'a $crate::ports::StatementsQuery) -> $crate::ports::Seen<$crate::ports::StatementRows> }
    };
    ($field:tt events) => {
        $crate::__forwarded! { $field EventReads events []
            (after: $crate::event::EventSeq, limit: usize) -> Vec<$crate::event::SequencedEvent> }
    };
    ($field:tt kept_events) => {
        $crate::__forwarded! { $field EventReads kept_events []
            () -> $crate::ports::KeptEvents }
    };
    ($field:tt delivered) => {
        $crate::__forwarded! { $field EventStore delivered ['a]
            (consumer: &'a $crate::event::Consumer) -> $crate::event::EventSeq }
    };
    ($field:tt record_delivered) => {
        $crate::__forwarded! { $field EventStore record_delivered ['a]
            (consumer: &'a $crate::event::Consumer, from: $crate::event::EventSeq, to: $crate::event::EventSeq) -> () }
    };
    ($field:tt prune_events) => {
        $crate::__forwarded! { $field EventStore prune_events ['a]
            (retention: &'a $crate::ports::EventRetention, now: $crate::types::Timestamp) -> $crate::ports::Pruning }
    };
    ($field:tt audit) => {
        $crate::__forwarded! { $field AuditReads audit ['a]
            (query: &'a $crate::ports::AuditQuery) -> Vec<$crate::audit::AuditRecord> }
    };
    ($field:tt contracts) => {
        $crate::__forwarded! { $field LogReads contracts []
            (chain: $crate::types::ChainId) -> Vec<$crate::logs::ContractState> }
    };
    ($field:tt contract) => {
        $crate::__forwarded! { $field LogReads contract ['a]
            (contract: &'a $crate::types::ContractId) -> Option<$crate::logs::ContractState> }
    };
    ($field:tt contract_logs) => {
        $crate::__forwarded! { $field LogReads contract_logs ['a]
            (query: &'a $crate::ports::ContractLogsQuery) -> $crate::ports::Seen<Vec<$crate::logs::ConfirmedLog>> }
    };
    ($field:tt register_contract) => {
        $crate::__forwarded! { $field LogStore register_contract ['a]
            (spec: &'a $crate::logs::ContractSpec) -> $crate::logs::ContractState }
    };
    ($field:tt commit_logs) => {
        $crate::__forwarded! { $field LogStore commit_logs ['a]
            (commit: &'a $crate::ports::LogsCommit) -> () }
    };
}

/// What `#[async_trait]` generates for a method that only calls another.
#[doc(hidden)]
#[macro_export]
macro_rules! __forwarded {
    ($field:tt $port:ident $method:ident [$($life:lifetime)*]
        ($($argument:ident: $type:ty),*) -> $answer:ty) => {
        fn $method<'life0, $($life,)* 'async_trait>(
            &'life0 self,
            $($argument: $type),*
        ) -> ::core::pin::Pin<::std::boxed::Box<
            dyn ::core::future::Future<
                Output = ::core::result::Result<$answer, $crate::error::StoreError>,
            > + ::core::marker::Send + 'async_trait,
        >>
        where
            'life0: 'async_trait,
            $($life: 'async_trait,)*
            Self: 'async_trait,
        {
            $crate::__called!(self $field $port $method ($($argument),*))
        }
    };
}

/// The call of a forwarded method, as it is or through a function of the decorator.
#[doc(hidden)]
#[macro_export]
macro_rules! __called {
    ($this:ident ($field:ident through $around:ident) $port:ident $method:ident
        ($($argument:ident),*)) => {{
        let call = $crate::ports::$port::$method(&$this.$field, $($argument),*);
        ::std::boxed::Box::pin($this.$around(::core::stringify!($method), call))
    }};
    ($this:ident $field:tt $port:ident $method:ident ($($argument:ident),*)) => {
        $crate::ports::$port::$method(&$this.$field, $($argument),*)
    };
}

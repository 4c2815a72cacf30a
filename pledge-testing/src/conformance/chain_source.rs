//! Laws of [`ChainSource`].

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use pledge_core::error::ChainErrorKind;
use pledge_core::ledger::TokenMetadata;
use pledge_core::ledger::erc20::{self, View};
use pledge_core::ports::{ChainSource, ChainSourceExt, HeaderDetail, LogsAnswer, LogsRequest};
use pledge_core::types::{
    Account, Amount, BlockId, BlockNumber, BlockSpan, Call, ChainId, LogFilter,
};

laws! {
    __chain_source of chain_source(SourceFixture):
    the_chain_id_is_reported
    headers_are_complete_and_linked
    headers_come_in_the_order_asked
    every_header_comes_where_all_are_asked_for
    sparse_answers_bring_ends_and_blocks_with_logs
    a_range_is_the_sum_of_its_parts
    logs_are_of_the_event_asked_for
    logs_of_several_filters_come_together_and_once
    an_unused_contract_is_an_empty_range
    a_block_that_is_not_there_is_gone
    outcomes_come_in_the_order_of_their_calls
    a_revert_is_the_outcome_of_its_call_alone
    calls_at_an_orphaned_block_are_gone
    metadata_is_the_contracts_own
    balances_and_supply_are_what_the_transfers_sum_to
    balances_at_an_orphaned_block_are_gone
}

/// A source of a chain whose content is known: at least ten blocks, and transfers of one token in
/// some of them but not in all.
pub struct SourceFixture {
    pub source: Arc<dyn ChainSource>,
    pub chain: ChainId,
    pub token: Address,
    /// Symbol and decimals of its contract.
    pub metadata: TokenMetadata,
    /// How many transfers there are from block 0 to the head.
    pub transfers: usize,
    /// Anything that must outlive the source, a node for instance.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for SourceFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFixture").field("source", &self.source).finish_non_exhaustive()
    }
}

impl SourceFixture {
    /// A range put together from as many answers as the source needs.
    async fn whole(&self, from: u64, to: u64, detail: HeaderDetail) -> LogsAnswer {
        let transfers = [erc20::transfers_of(std::slice::from_ref(&self.token))];
        let [from, to] = [from, to].map(BlockNumber::new);
        self.all_of(LogsRequest { from, to, filters: &transfers, detail }).await
    }

    /// The answer to a request, put together likewise.
    async fn all_of(&self, request: LogsRequest<'_>) -> LogsAnswer {
        let (mut all, mut rest) = (LogsAnswer::default(), request);
        while rest.from <= request.to {
            let part = self.source.logs(rest).await.expect("the range is there");
            part.verify(&rest).expect("an answer keeps the contract");
            rest.from = part.last().expect("never empty").number.next();
            all.headers.extend(part.headers);
            all.logs.extend(part.logs);
        }
        all
    }

    async fn head(&self) -> u64 {
        self.source.head().await.expect("there is a head").number.get()
    }
}

/// The id is the node's own.
async fn the_chain_id_is_reported(fixture: SourceFixture) {
    assert_eq!(fixture.source.chain_id().await.expect("there is an id"), fixture.chain);
}

/// From genesis to the head, linked, and the head is the last of them.
async fn headers_are_complete_and_linked(fixture: SourceFixture) {
    let head = fixture.source.head().await.expect("there is a head");
    let first = BlockNumber::new(0);
    let headers =
        fixture.source.headers(BlockSpan::new(first, head.number)).await.expect("all are there");
    assert_eq!(headers.len() as u64, head.number.get() + 1);
    assert!(headers.windows(2).all(|pair| pair[0].is_parent_of(&pair[1])));
    assert_eq!(headers.last(), Some(&head));
}

/// Those of single blocks, in any order and also twice; without one of them there is no answer.
async fn headers_come_in_the_order_asked(fixture: SourceFixture) {
    let head = fixture.source.head().await.expect("there is a head");
    let all = fixture
        .source
        .headers(BlockSpan::new(BlockNumber::new(0), head.number))
        .await
        .expect("all are there");
    let numbers = [5, 0, 9, 5].map(BlockNumber::new);
    let answer = fixture.source.headers_at(&numbers).await.expect("all are there");
    assert_eq!(answer, [all[5], all[0], all[9], all[5]]);
    assert_eq!(fixture.source.headers_at(&[]).await.expect("nothing was asked"), []);
    let beyond = [BlockNumber::new(1), head.number.up(1_000)];
    let error = fixture.source.headers_at(&beyond).await.expect_err("above the head");
    assert_eq!(error.kind(), ChainErrorKind::BlockGone);
}

/// Every header of the answer.
async fn every_header_comes_where_all_are_asked_for(fixture: SourceFixture) {
    let head = fixture.head().await;
    let answer = fixture.whole(0, head, HeaderDetail::All).await;
    let headers =
        fixture.source.headers(BlockSpan::new(BlockNumber::new(0), BlockNumber::new(head))).await;
    assert_eq!(answer.headers, headers.expect("all are there"));
}

/// Both ends, each block with a log, and each log once.
async fn sparse_answers_bring_ends_and_blocks_with_logs(fixture: SourceFixture) {
    let head = fixture.head().await;
    let answer = fixture.whole(0, head, HeaderDetail::Sparse).await;
    assert_eq!(answer.logs.len(), fixture.transfers);
    let numbers: Vec<_> = answer.headers.iter().map(|header| header.number.get()).collect();
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&head)));
    let all = fixture.whole(0, head, HeaderDetail::All).await;
    assert_eq!(answer.logs, all.logs);
}

/// However a range is cut.
async fn a_range_is_the_sum_of_its_parts(fixture: SourceFixture) {
    let head = fixture.head().await;
    let whole = fixture.whole(0, head, HeaderDetail::All).await;
    for step in [1, 3] {
        let mut parts = LogsAnswer::default();
        for from in (0..=head).step_by(step) {
            let to = head.min(from + step as u64 - 1);
            let part = fixture.whole(from, to, HeaderDetail::All).await;
            parts.headers.extend(part.headers);
            parts.logs.extend(part.logs);
        }
        assert_eq!((parts.headers, parts.logs), (whole.headers.clone(), whole.logs.clone()));
    }
}

/// The filter names contracts and events: a log must match both.
async fn logs_are_of_the_event_asked_for(fixture: SourceFixture) {
    let (from, to) = (BlockNumber::new(0), BlockNumber::new(9));
    let (addresses, other) = ([fixture.token], B256::repeat_byte(0xee));
    let filters = [LogFilter { addresses: &addresses, topic0s: Some(&[other]) }];
    let request = LogsRequest { from, to, filters: &filters, detail: HeaderDetail::Sparse };
    let answer = fixture.source.logs(request).await.expect("an empty range is no error");
    assert_eq!(answer.logs, []);
    let either = [other, erc20::TRANSFER_TOPIC];
    let filters = [LogFilter { addresses: &addresses, topic0s: Some(&either) }];
    let request = LogsRequest { from, to, filters: &filters, detail: HeaderDetail::All };
    let both = fixture.source.logs(request).await.expect("the range is there");
    both.verify(&request).expect("an answer keeps the contract");
    let end = both.last().expect("never empty").number.get();
    assert_eq!(both, fixture.whole(0, end, HeaderDetail::All).await);
}

/// Without a name, every event is asked for. A log that two filters select is one log.
async fn logs_of_several_filters_come_together_and_once(fixture: SourceFixture) {
    let [from, to] = [0, fixture.head().await].map(BlockNumber::new);
    let (addresses, unused) = ([fixture.token], [Address::repeat_byte(0xee)]);
    let every = LogFilter { addresses: &addresses, topic0s: None };
    let transfers = erc20::transfers_of(&addresses);
    let nothing = LogFilter { addresses: &unused, topic0s: None };
    let read = async |filters: &[LogFilter<'_>]| {
        fixture.all_of(LogsRequest { from, to, filters, detail: HeaderDetail::All }).await
    };
    let all = read(&[every]).await;
    let of_transfers = all.logs.iter().filter(|log| transfers.matches(log)).cloned();
    assert_eq!(of_transfers.collect::<Vec<_>>(), read(&[transfers]).await.logs);
    assert!(all.logs.len() >= fixture.transfers, "each transfer is a log of the contract");
    for filters in [&[transfers, every][..], &[every, nothing, every], &[nothing, every]] {
        assert_eq!(read(filters).await, all);
    }
}

/// Nothing happened there, which is no error.
async fn an_unused_contract_is_an_empty_range(fixture: SourceFixture) {
    let tokens = [Address::repeat_byte(0xee)];
    let (from, to) = (BlockNumber::new(0), BlockNumber::new(3));
    let request = LogsRequest {
        from,
        to,
        filters: &[erc20::transfers_of(&tokens)],
        detail: HeaderDetail::Sparse,
    };
    let answer = fixture.source.logs(request).await.expect("an empty range is no error");
    assert_eq!(answer.logs, []);
}

/// The source never returns an empty answer for blocks that the node does not have.
async fn a_block_that_is_not_there_is_gone(fixture: SourceFixture) {
    let beyond = BlockNumber::new(fixture.head().await + 5);
    let headers = fixture.source.headers(BlockSpan::one(beyond)).await.expect_err("not there");
    assert_eq!(headers.kind(), ChainErrorKind::BlockGone);
    let tokens = [fixture.token];
    let detail = HeaderDetail::Sparse;
    let request =
        LogsRequest { from: beyond, to: beyond, filters: &[erc20::transfers_of(&tokens)], detail };
    let range = fixture.source.logs(request).await.expect_err("not there");
    assert_eq!(range.kind(), ChainErrorKind::BlockGone);
}

/// One for each call, in their order, also twice; where there is no code, it has no bytes.
async fn outcomes_come_in_the_order_of_their_calls(fixture: SourceFixture) {
    let (source, unused) = (&fixture.source, Address::repeat_byte(0xee));
    let at = source.head().await.expect("there is a head").id();
    let supply = || View::TotalSupply.of(fixture.token);
    let calls =
        [supply(), Call::Code(unused), Call::Code(fixture.token), Call::Balance(unused), supply()];
    let outcomes = source.calls(&calls, at).await.expect("the state is there");
    let lengths: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().map(|bytes| bytes.len())).collect();
    assert_eq!(lengths.len(), calls.len());
    assert_eq!((&lengths[0], &lengths[1]), (&Ok(32), &Ok(0)));
    assert_ne!(lengths[2], Ok(0), "the token has code");
    assert_eq!(outcomes[0], outcomes[4]);
    assert_eq!(outcomes[3], Ok(Bytes::from_static(&[0; 32])), "it holds nothing");
    assert_eq!(source.calls(&[], at).await.expect("nothing was asked"), []);
}

/// The other calls of the same request are answered.
async fn a_revert_is_the_outcome_of_its_call_alone(fixture: SourceFixture) {
    let at = fixture.source.head().await.expect("there is a head").id();
    let data = Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef]);
    let unknown = Call::Contract { to: Some(fixture.token), data };
    let calls = [unknown, View::TotalSupply.of(fixture.token)];
    let outcomes = fixture.source.calls(&calls, at).await.expect("it is there");
    let are_returned: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(are_returned, [false, true]);
}

/// No outcome is of another block than the one asked.
async fn calls_at_an_orphaned_block_are_gone(fixture: SourceFixture) {
    let head = fixture.source.head().await.expect("there is a head");
    let orphan = BlockId { number: head.number, hash: B256::repeat_byte(0xee) };
    for call in [Call::Code(fixture.token), Call::Balance(fixture.token)] {
        let outcomes = fixture.source.calls(&[call], orphan).await;
        assert_eq!(outcomes.expect_err("orphaned").kind(), ChainErrorKind::BlockGone);
    }
}

/// Symbol and decimals as the contract has them; an address without code is no token.
async fn metadata_is_the_contracts_own(fixture: SourceFixture) {
    let metadata = fixture.source.token_metadata(fixture.token).await.expect("a token");
    assert_eq!(metadata, fixture.metadata);
    let nothing = fixture.source.token_metadata(Address::repeat_byte(0xee)).await;
    assert_eq!(nothing.expect_err("no code").kind(), ChainErrorKind::Persistent);
}

/// The contract's own figures are what its transfers sum to.
async fn balances_and_supply_are_what_the_transfers_sum_to(fixture: SourceFixture) {
    let head = fixture.source.head().await.expect("there is a head");
    let answer = fixture.whole(0, head.number.get(), HeaderDetail::Sparse).await;
    let mut balances: BTreeMap<Account, Amount> = BTreeMap::new();
    for log in &answer.logs {
        let Ok(Some(transfer)) = erc20::decode(log) else { continue };
        if let Some(from) = Account::new(transfer.from) {
            let balance = balances.entry(from).or_default();
            *balance = balance.checked_sub(transfer.amount).expect("nobody overdraws");
        }
        if let Some(to) = Account::new(transfer.to) {
            let balance = balances.entry(to).or_default();
            *balance = balance.checked_add(transfer.amount).expect("in range");
        }
    }
    let accounts: Vec<_> = balances.keys().copied().collect();
    let read = fixture.source.balances(fixture.token, &accounts, head.id()).await;
    assert_eq!(read.expect("balances at the head"), balances.values().copied().collect::<Vec<_>>());
    let sum = balances.values().try_fold(Amount::ZERO, |sum, balance| sum.checked_add(*balance));
    let supply = fixture.source.total_supply(fixture.token, head.id()).await;
    assert_eq!(Some(supply.expect("supply at the head")), sum);
}

/// A state is read at a block, not at a height.
async fn balances_at_an_orphaned_block_are_gone(fixture: SourceFixture) {
    let head = fixture.source.head().await.expect("there is a head");
    let orphan = BlockId { number: head.number, hash: B256::repeat_byte(0xee) };
    let account = Account::new(Address::repeat_byte(1)).expect("not zero");
    let balances = fixture.source.balances(fixture.token, &[account], orphan).await;
    assert_eq!(balances.expect_err("orphaned").kind(), ChainErrorKind::BlockGone);
    let supply = fixture.source.total_supply(fixture.token, orphan).await;
    assert_eq!(supply.expect_err("orphaned").kind(), ChainErrorKind::BlockGone);
}

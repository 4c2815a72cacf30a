//! The bugs that are planted where the logs of contracts are kept.

use super::plants::{Plant, plant};

pub(crate) const PLANTS: &[Plant] = &[
    plant(
        "logs_not_asked_for_kept",
        "logs/contract.rs",
        "self.events.topic0s()",
        "None",
        "a contract keeps the events that were asked for",
    ),
    plant(
        "logs_of_the_first_address",
        "indexer/contracts.rs",
        "by_address.get(&spec.address)",
        "by_address.values().next()",
        "a contract keeps the logs of its own address",
    ),
    plant(
        "logs_at_the_time_of_the_tip",
        "indexer/contracts.rs",
        "time_of(log)",
        "blocks.tip().time",
        "a log has the time of its block",
    ),
    plant(
        "contracts_not_asked_for",
        "indexer/projection.rs",
        "Wanted::new(group.token_addresses(), specs)",
        "Wanted::new(group.token_addresses(), specs.take(0))",
        "a request has the logs of every contract of its group",
    ),
    plant(
        "contracts_share_one_filter",
        "indexer/facts.rs",
        "one.topic0s.as_deref() == topic0s",
        "true",
        "contracts with other events have a filter of their own",
    ),
    plant(
        "transfers_of_a_contract_count",
        "indexer/facts.rs",
        "self.contracts.is_empty() || self.tokens.binary_search(address).is_ok()",
        "true",
        "a contract's logs are no token's transfers",
    ),
    plant(
        "start_of_a_contract_ignored",
        "indexer/followed.rs",
        "contract.spec.start_block",
        "BlockNumber::new(1)",
        "a contract's logs begin at its start block",
    ),
    plant(
        "logs_above_a_fault_dropped",
        "indexer/projection.rs",
        "contracts.apply(group, blocks).await?",
        "{
            let end = all.first().map_or(blocks.tip(), |ledger| ledger.tip).number;
            let mut facts = blocks.facts.clone();
            facts.logs.retain(|log| log.block <= end);
            let blocks = Blocks { facts: &facts, ..*blocks };
            contracts.apply(group, &blocks).await?
        }",
        "no token's fault holds up a contract",
    ),
    plant(
        "contract_left_out_of_a_rewind",
        "indexer/fork.rs",
        "contracts.push((contract.clone(), cursor))",
        "()",
        "a rewind takes every contract above the ancestor",
    ),
    plant(
        "ancestor_for_tokens_alone",
        "indexer/ancestor.rs",
        "one.cursor?",
        "one.cursor.filter(|_| matches!(one.id, super::followed::FollowedId::Token(_)))?",
        "the ancestor is on each contract's branch",
    ),
    plant(
        "contract_begins_at_the_ancestor",
        "ports/check.rs",
        "contract.spec.start_block <= self.to.number",
        "true",
        "a contract that begins above the ancestor keeps nothing",
    ),
    plant(
        "contract_on_another_base",
        "indexer/contracts.rs",
        "group.base()",
        "{
            let first = self.specs(group).next().expect(\"not empty\").id.clone();
            let state = self.store.contract(&first).await?;
            state.and_then(|state| state.cursor).map(|cursor| cursor.id())
        }",
        "a contract's blocks build on its cursor",
    ),
];

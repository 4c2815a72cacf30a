//! Contracts whose logs are kept, and their logs.

use pledge_core::event::RewoundContract;
use pledge_core::logs::{ConfirmedLog, ContractSpec, ContractState};
use pledge_core::ports::{ContractLogsQuery, LogOrder, LogsCommit, Rewind, Seen};
use pledge_core::primitives::Address;
use pledge_core::types::{BlockId, BlockNumber, ChainId, ContractId, Log};

use crate::bulk::{self, values};
use crate::connection::{Connection, Row};
use crate::fault::Fault;
use crate::new_blocks;
use crate::query::query;
use crate::registry::{lock_chain, lock_followed_chain};
use crate::row::{FromRow, cursor};

/// A contract and the small number that is its key in the table of logs.
#[derive(Debug)]
pub(crate) struct ContractRow {
    key: u64,
    pub(crate) state: ContractState,
}

impl FromRow for ContractRow {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        let id = ContractId::new(row.get("chain")?, &row.get::<String>("name")?);
        let spec = ContractSpec {
            id: id.map_err(|error| Fault::malformed("name", error))?,
            address: row.get("address")?,
            events: row.get("events")?,
            start_block: row.get("start_block")?,
        };
        let (epoch, logs) = (row.get("epoch")?, row.get("logs")?);
        let state = ContractState { spec, cursor: cursor(row)?, epoch, logs };
        Ok(Self { key: row.get("id")?, state })
    }
}

pub(crate) async fn register(
    db: &mut dyn Connection,
    spec: &ContractSpec,
) -> Result<ContractState, Fault> {
    lock_chain(db, spec.id.chain).await?;
    if let Some(known) = find(db, &spec.id).await? {
        return if known.state.spec == *spec {
            Ok(known.state)
        } else {
            Err(known.state.spec.refuse(spec).into())
        };
    }
    // The columns of the cursor stay null: it is added without one, since no archive has contracts.
    let state = ContractState::registered(spec.clone());
    query(
        "INSERT INTO contract (chain, name, address, events, start_block, epoch, logs) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(spec.id.chain)
    .bind(spec.id.name())
    .bind(spec.address)
    .bind(&spec.events)
    .bind(spec.start_block)
    .bind(state.epoch)
    .bind(state.logs)
    .execute(db)
    .await?;
    Ok(state)
}

/// The contracts of a chain, ascending by name.
pub(crate) async fn list(
    db: &mut dyn Connection,
    chain: ChainId,
) -> Result<Vec<ContractRow>, Fault> {
    query("SELECT * FROM contract WHERE chain = ? ORDER BY name").key(chain).all(db).await
}

pub(crate) async fn find(
    db: &mut dyn Connection,
    contract: &ContractId,
) -> Result<Option<ContractRow>, Fault> {
    contract_by(db, contract, "").await
}

async fn contract_by(
    db: &mut dyn Connection,
    contract: &ContractId,
    tail: &'static str,
) -> Result<Option<ContractRow>, Fault> {
    query(format!("SELECT * FROM contract WHERE chain = ? AND name = ? {tail}"))
        .key(contract.chain)
        .bind(contract.name())
        .one(db)
        .await
}

fn known(contract: &ContractId, row: Option<ContractRow>) -> Result<ContractRow, Fault> {
    row.ok_or_else(|| Fault::invalid(format!("contract {contract} is not registered")))
}

/// The contract, locked, whose cursor must be at `base`.
async fn contract_at(
    db: &mut dyn Connection,
    contract: &ContractId,
    base: Option<BlockId>,
) -> Result<ContractRow, Fault> {
    let for_update = db.dialect().for_update();
    let row = known(contract, contract_by(db, contract, for_update).await?)?;
    row.state.require_cursor(base).map_err(Fault::conflict)?;
    Ok(row)
}

/// Writes what a commit or a rewind changes of a contract.
async fn save(db: &mut dyn Connection, row: &ContractRow) -> Result<(), Fault> {
    query(
        "UPDATE contract SET cursor_block = ?, cursor_hash = ?, cursor_parent_hash = ?, \
         cursor_time = ?, epoch = ?, logs = ? WHERE id = ?",
    )
    .cursor(row.state.cursor)
    .bind(row.state.epoch)
    .bind(row.state.logs)
    .bind(row.key)
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn commit(db: &mut dyn Connection, commit: &LogsCommit) -> Result<(), Fault> {
    // In the order of a commit to the ledger, so that the two never wait for each other. No event:
    // what was confirmed is in the logs.
    commit.check().map_err(Fault::invalid)?;
    let blocks = &commit.blocks;
    lock_followed_chain(db, blocks.chain).await?;
    new_blocks::refuse_contradiction(db, blocks).await?;
    for part in &commit.contracts {
        let mut row = contract_at(db, &part.contract, blocks.base).await?;
        blocks.check_follows(row.state.cursor.as_ref()).map_err(Fault::invalid)?;
        part.check_selected(&row.state.spec).map_err(Fault::invalid)?;
        add_logs(db, row.key, &part.logs).await?;
        row.state.logs += part.logs.len() as u64;
        row.state.cursor = Some(blocks.tip);
        save(db, &row).await?;
    }
    new_blocks::hold(db, blocks).await
}

async fn add_logs(
    db: &mut dyn Connection,
    contract: u64,
    logs: &[ConfirmedLog],
) -> Result<(), Fault> {
    let insert = "INSERT INTO contract_log (contract, block, log_index, time, block_hash, \
                  tx_hash, topics, data)";
    bulk::write(db, insert, "", logs, |ConfirmedLog { log, time }| {
        values![
            contract,
            log.block,
            log.log_index,
            *time,
            log.block_hash,
            log.tx_hash,
            &log.topics,
            log.data.clone(),
        ]
    })
    .await
}

/// Takes the contracts of a rewind back.
pub(crate) async fn rewind(
    db: &mut dyn Connection,
    request: &Rewind,
) -> Result<Vec<RewoundContract>, Fault> {
    let mut rewound = Vec::with_capacity(request.contracts.len());
    for (contract, from) in &request.contracts {
        let mut row = contract_at(db, contract, Some(*from)).await?;
        let logs_removed = remove_above(db, row.key, request.to.number).await?;
        let logs_left = row.state.logs.checked_sub(logs_removed);
        row.state.logs = logs_left.ok_or_else(|| Fault::corrupt("more logs than were counted"))?;
        row.state.cursor = request.keeps_logs(&row.state).then_some(request.to);
        row.state.epoch = row.state.epoch.next();
        save(db, &row).await?;
        let (contract, epoch) = (contract.clone(), row.state.epoch);
        rewound.push(RewoundContract { contract, from: *from, epoch, logs_removed });
    }
    Ok(rewound)
}

/// Removes the logs above a block, and returns how many there were.
async fn remove_above(
    db: &mut dyn Connection,
    contract: u64,
    block: BlockNumber,
) -> Result<u64, Fault> {
    let removed = query("DELETE FROM contract_log WHERE contract = ? AND block > ?")
        .bind(contract)
        .bound(block.get())
        .execute(db)
        .await?;
    Ok(removed)
}

pub(crate) async fn logs(
    db: &mut dyn Connection,
    page: &ContractLogsQuery,
) -> Result<Seen<Vec<ConfirmedLog>>, Fault> {
    let row = known(&page.contract, find(db, &page.contract).await?)?;
    // The bound on the block alone is the range of the index; the next condition cuts within that
    // block.
    let sql = match (page.order, page.after) {
        (LogOrder::OldestFirst, None) => {
            "SELECT * FROM contract_log WHERE contract = ? ORDER BY block, log_index LIMIT ?"
        }
        (LogOrder::OldestFirst, Some(_)) => {
            "SELECT * FROM contract_log WHERE contract = ? AND block >= ? \
             AND (block > ? OR log_index > ?) ORDER BY block, log_index LIMIT ?"
        }
        (LogOrder::NewestFirst, None) => {
            "SELECT * FROM contract_log WHERE contract = ? \
             ORDER BY block DESC, log_index DESC LIMIT ?"
        }
        (LogOrder::NewestFirst, Some(_)) => {
            "SELECT * FROM contract_log WHERE contract = ? AND block <= ? \
             AND (block < ? OR log_index < ?) ORDER BY block DESC, log_index DESC LIMIT ?"
        }
    };
    let mut select = query(sql).bind(row.key);
    if let Some((block, log_index)) = page.after {
        select = select.bound(block.get()).bound(block.get()).bound(log_index.get());
    }
    let rows = select.limit(page.limit).rows(db).await?;
    let address = row.state.spec.address;
    let value = rows.iter().map(|row| log(&**row, address)).collect::<Result<_, _>>()?;
    Ok(Seen { cursor: row.state.cursor, epoch: row.state.epoch, value })
}

fn log(row: &dyn Row, address: Address) -> Result<ConfirmedLog, Fault> {
    let log = Log {
        block: row.get("block")?,
        block_hash: row.get("block_hash")?,
        log_index: row.get("log_index")?,
        tx_hash: row.get("tx_hash")?,
        address,
        topics: row.get("topics")?,
        data: row.get("data")?,
    };
    Ok(ConfirmedLog { log, time: row.get("time")? })
}

//! Lines of text as blocks.

use anyhow::{Context, Result, bail, ensure};
use pledge_core::ledger::Transfer;
use pledge_core::primitives::{Address, B256, keccak256};
use pledge_core::types::{BlockNumber, BlockRef, LogIndex, Timestamp};

const TITLES: &str = "time,from,to,amount";

/// The file's line of titles is the genesis block, each line below it a block with one transfer.
/// A block's hash covers its line and its parent, so an edited file is a fork.
pub(crate) fn read(text: &str, token: Address) -> Result<(Vec<BlockRef>, Vec<Transfer>)> {
    ensure!(text.lines().next() == Some(TITLES), "line 1 is not `{TITLES}`");
    let mut tip = block(None, TITLES, Timestamp::ZERO);
    let (mut blocks, mut transfers) = (vec![tip], Vec::new());
    for (line, row) in (1..).zip(text.lines()).skip(1) {
        let at = || format!("line {line}: `{row}`");
        let [time, from, to, amount] = row.split(',').collect::<Vec<_>>()[..] else {
            bail!("{} is not `{TITLES}`", at());
        };
        let time = Timestamp::new(time.parse().with_context(at)?).with_context(at)?;
        ensure!(tip.time <= time, "{}: time goes back", at());
        tip = block(Some(tip), row, time);
        blocks.push(tip);
        transfers.push(Transfer {
            token,
            block: tip.number,
            log_index: LogIndex::new(0),
            tx_hash: tip.hash,
            from: from.parse().with_context(at)?,
            to: to.parse().with_context(at)?,
            amount: amount.parse().with_context(at)?,
        });
    }
    Ok((blocks, transfers))
}

fn block(parent: Option<BlockRef>, line: &str, time: Timestamp) -> BlockRef {
    let parent_hash = parent.map_or(B256::ZERO, |parent| parent.hash);
    let hash = keccak256([parent_hash.as_slice(), line.as_bytes()].concat());
    let number = parent.map_or(BlockNumber::new(0), |parent| parent.number.next());
    BlockRef { number, hash, parent_hash, time }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "0x00000000000000000000000000000000000A11cE";

    fn refusal(row: &str) -> String {
        let first = format!("1767279600,{ALICE},{ALICE},1");
        let text = format!("{TITLES}\n{first}\n{row}\n");
        read(&text, Address::ZERO).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_row_is_an_error_that_names_its_line() {
        for row in ["", "1767279600,no,no,1", "1767279599,0x0,0x0,1", "x,y,z"] {
            assert!(refusal(row).starts_with(&format!("line 3: `{row}`")), "{}", refusal(row));
        }
        let signed = format!("1767279600,{ALICE},{ALICE},-1");
        assert!(refusal(&signed).starts_with("line 3"), "{}", refusal(&signed));
    }
}

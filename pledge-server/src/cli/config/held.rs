//! What exists already: a running instance, and a ledger whose blocks the nodes must have.

use std::net::SocketAddr;
use std::time::Duration;

use pledge_core::error::{ChainError, StoreError};
use pledge_core::types::{BlockNumber, BlockRef, BlockSpan};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::report::Report;
use crate::config::ChainConfig;
use crate::sources::{self, Connected};
use crate::stores::Stores;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether an instance of `pledge` answers on an address.
pub(super) async fn is_pledge(listen: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(listen).await?;
        let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4_096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, asked).await;
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.ends_with(br#"{"status":"alive"}"#)))
}

/// Checks that each node that answers has the lowest block of which the ledger holds a header. With
/// another block there the chain would halt; with a head below it the chain would wait for ever.
pub(super) async fn check_ledger(
    config: &ChainConfig,
    connected: &Connected,
    stores: &Stores,
    report: &mut Report,
) {
    let lowest = match lowest_held(config, stores).await {
        Ok(Some(lowest)) => lowest,
        Ok(None) => return,
        Err(error) => {
            let error = anyhow::Error::from(error);
            return report.failed(&config.key, format!("the ledger cannot be read: {error:#}"));
        }
    };
    let nodes = connected.nodes.each().into_iter().zip(&connected.answers).zip(&config.rpc_urls);
    for (index, ((node, answer), url)) in nodes.enumerate() {
        let asked = sources::within(url, async {
            let head = node.head().await?.number;
            // A head below the block is judged as a missing block, whatever error the node would
            // return.
            if head < lowest.number {
                return Ok(Vec::new());
            }
            node.headers(BlockSpan::one(lowest.number)).await
        });
        let key = config.key.child("rpc_urls").index(index);
        if answer.is_ok()
            && let Some(problem) = judge(&lowest, asked.await)
        {
            report.failed(&key, format!("{url}: {problem}"));
        }
    }
}

/// The lowest of the newest held headers that link to each other.
async fn lowest_held(
    config: &ChainConfig,
    stores: &Stores,
) -> Result<Option<BlockRef>, StoreError> {
    if stores.balances.chain(config.id).await?.is_none() {
        return Ok(None);
    }
    let newest = BlockNumber::new(u64::MAX >> 1);
    let limit = usize::try_from(config.indexer.retained_headers).unwrap_or(usize::MAX);
    Ok(stores.balances.headers(config.id, newest, limit).await?.pop())
}

/// Why a node's block at the height of a block of the ledger does not fit, if it does not.
fn judge(ours: &BlockRef, theirs: Result<Vec<BlockRef>, ChainError>) -> Option<String> {
    let remedy = "if the chain began again, delete the database or name a new one in storage.url";
    match theirs {
        Ok(theirs) => match theirs.first() {
            Some(theirs) if theirs == ours => None,
            Some(theirs) => Some(format!(
                "its block {theirs} is not {ours}, the lowest whose header the ledger holds, so `run` \
                 would halt: use another node, or take the ledger back with `pledge rewind`; {remedy}"
            )),
            None => Some(format!(
                "it has no block {}, which the ledger has: it is syncing, or was reset; {remedy}",
                ours.number
            )),
        },
        Err(error) => Some(format!("block {} cannot be read: {}", ours.number, error.detail())),
    }
}

#[cfg(test)]
mod tests {
    use pledge_core::simulation::ScriptedChain;
    use pledge_core::types::{ChainId, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_node_with_another_block_or_none_is_no_node_of_the_ledger() {
        let time = |seconds| Timestamp::new(seconds).unwrap();
        let chain = ScriptedChain::new(ChainId::new(1), time(0));
        chain.mine(time(1), &[]);
        let ours = chain.head();
        assert_eq!(judge(&ours, Ok(vec![ours])), None);
        let none = judge(&ours, Ok(Vec::new())).unwrap();
        assert!(none.contains("was reset") && none.contains("delete the database"), "{none}");
        chain.fork_at(0);
        chain.mine(time(2), &[]);
        let other = judge(&ours, Ok(vec![chain.head()])).unwrap();
        assert!(other.contains("delete the database"), "{other}");
    }

    #[tokio::test]
    async fn a_port_of_another_program_is_not_ours() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let other = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap();
        });
        assert!(!is_pledge(address).await);
        other.await.unwrap();
        assert!(!is_pledge(address).await, "the port has no listener any more");
    }
}

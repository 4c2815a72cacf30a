//! Which quantity is too much: the calls of a batch, the blocks of a range, or the addresses of a filter.

use alloy::primitives::{Address, U256};
use pledge_chain_evm::EvmConfig;
use pledge_core::ledger::erc20::transfers_of;
use pledge_core::ports::{ChainSource, HeaderDetail, LogsRequest};
use pledge_core::types::BlockNumber;
use pledge_testing::hostile_node::{
    ADDRESSES_TEXT, Envelope, Hint, Limit, LimitText, Measure, Refusal, Switch, Wire, transfer,
};
use pledge_testing::world::CHAIN;
use pledge_testing::{HostileChain, HostileNode};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{HEAD, Stage, connect, read, within};

/// Words that are in no list.
const UNKNOWN: &str = "no";

/// As many repeats as a source in service has, with short waits.
fn in_service(config: &mut EvmConfig) {
    config.retries_max = 14;
}

/// Reads everything with a limit on batches, reported in this way, and returns the blocks of each
/// question for logs.
async fn ranges_under(limit: Switch) -> Vec<u64> {
    let stage = Stage::with(in_service).await;
    let limited = stage.node.on(limit);
    stage.expect_truth(1, HEAD).await;
    assert!(stage.node.met(limited) > 0, "the limit was never met");
    let quantity =
        |value: &serde_json::Value| u64::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap();
    let asked = stage.node.asked("eth_getLogs").into_iter();
    asked.map(|p| quantity(&p[0]["toBlock"]) - quantity(&p[0]["fromBlock"]) + 1).collect()
}

/// Batches of more than three, or of more than one, however that is reported: the range stays
/// whole.
#[tokio::test]
async fn a_limit_on_batches_shrinks_no_range_whatever_its_form() {
    for max in [3, 1] {
        for form in [
            Switch::of(Wire::status(500, "internal server error")),
            Switch::of(Wire::status(403, "")),
            Switch::of(Wire::status(400, "{}")),
            Switch::of(Envelope::Refused(-31_999, UNKNOWN.to_owned())),
            Switch::of(Envelope::EachError(-31_999, UNKNOWN.to_owned())),
        ] {
            let ranges = ranges_under(form.clone().of_batches_above(max)).await;
            assert!(ranges.iter().all(|blocks| *blocks == HEAD), "{form:?}: {ranges:?}");
        }
    }
}

/// Whatever the status and the words, a limit on blocks halves the range and nothing else.
#[tokio::test]
async fn a_limit_on_blocks_reported_by_any_status_halves_the_range() {
    for (status, code) in
        [(403, -32_000), (401, -31_999), (404, -32_001), (500, -32_602), (200, -32_603)]
    {
        let stage = Stage::with(in_service).await;
        let text = LimitText { node: "any", status, code, text: UNKNOWN };
        let limit = Limit { measure: Measure::Blocks, max: 10, text, hint: Hint::Right };
        let limited = stage.node.on(Refusal::Limit(limit));
        let answer = stage.range(1, HEAD).await.unwrap();
        assert_eq!(answer.last().unwrap().number.get(), 10, "{status}: 40 halved twice");
        let met = stage.node.met(limited);
        assert!(met <= 16, "{status}: refused {met} times");
        stage.expect_truth(1, HEAD).await;
    }
}

#[tokio::test]
async fn a_known_text_of_a_limit_under_403_is_read() {
    let stage = Stage::with(in_service).await;
    let text = "eth_getLogs is limited to a {max} blocks range";
    let text = LimitText { node: "any", status: 403, code: -32_000, text };
    let limit = Limit { measure: Measure::Blocks, max: 7, text, hint: Hint::Right };
    let limited = stage.node.on(Refusal::Limit(limit));
    assert_eq!(stage.range(1, HEAD).await.unwrap().last().unwrap().number.get(), 7);
    assert!(stage.node.met(limited) <= 2, "{}", stage.node.met(limited));
}

/// Passes the first request of each connection on to a node, and hangs up on the second.
async fn hang_up_after_one_answer(port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on_once(client, port));
        }
    });
    own
}

async fn pass_on_once(mut client: TcpStream, port: u16) -> std::io::Result<()> {
    let mut node = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_node, mut to_node) = node.split();
    let mut has_answered = false;
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            count = from_client.read(&mut asked) => match count? {
                0 => return Ok(()),
                // The next request on a connection that seems open.
                _ if has_answered => return Ok(()),
                count => to_node.write_all(&asked[..count]).await?,
            },
            count = from_node.read(&mut answered) => match count? {
                0 => return Ok(()),
                count => {
                    has_answered = true;
                    to_client.write_all(&answered[..count]).await?;
                }
            },
        }
    }
}

#[tokio::test]
async fn a_node_that_closes_every_connection_is_asked_for_whole_ranges() {
    let stage = Stage::with(in_service).await;
    let port = hang_up_after_one_answer(stage.node.port()).await;
    let url = format!("http://127.0.0.1:{port}/");
    let hung_up = connect(&stage.node, |config| {
        config.url = url.parse().unwrap();
        in_service(config);
    });
    let hung_up = hung_up.await.unwrap();
    stage.node.on(Switch::of(Wire::Closing).times(7));
    for evm in [&stage.evm, &hung_up] {
        let before = stage.node.asked("eth_getLogs").len();
        for _ in 0..3 {
            let answer = read(evm, 1, HEAD, HeaderDetail::All).await.unwrap();
            assert_eq!(answer.last().unwrap().number.get(), HEAD);
        }
        assert_eq!(stage.node.asked("eth_getLogs").len() - before, 3);
    }
}

fn token(number: u64) -> Address {
    let mut bytes = [0x7e; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

/// A limit on addresses in known words and in others: fewer addresses, and the range as it was.
#[tokio::test]
async fn a_limit_on_addresses_leaves_the_range_as_it_is() {
    let unknown = LimitText { node: "any", status: 200, code: -31_999, text: UNKNOWN };
    for text in [ADDRESSES_TEXT, unknown] {
        let chain = HostileChain::new(CHAIN.get(), 0);
        let [from, to] = [0xa1, 0xb0].map(Address::repeat_byte);
        for height in 1..=HEAD {
            chain.mine(12 * height, &[transfer(token(height), from, to, U256::from(height))]);
        }
        let node = HostileNode::of(&chain).await;
        let evm = connect(&node, in_service).await.unwrap();
        let limit = Limit { measure: Measure::Addresses, max: 7, text, hint: Hint::Same };
        node.on(Refusal::Limit(limit));
        let tokens: Vec<Address> = (1..=HEAD).map(token).collect();
        let (from, to) = (BlockNumber::new(1), BlockNumber::new(HEAD));
        let request =
            LogsRequest { from, to, filters: &[transfers_of(&tokens)], detail: HeaderDetail::All };
        let answer = within(evm.logs(request)).await.unwrap();
        assert_eq!(answer.last().unwrap().number.get(), HEAD, "{text:?}");
        assert_eq!(answer.logs.len() as u64, HEAD);
        let before = node.requests().len();
        within(evm.logs(request)).await.unwrap();
        let requests: Vec<usize> = node.requests()[before..].iter().map(Vec::len).collect();
        assert!(requests.len() <= 4, "the size is remembered: {requests:?}");
    }
}

/// One quantity is learned while another fails: a batch that a node takes no more does not hide a limit
/// on blocks, nor the other way round.
#[tokio::test]
async fn a_limit_on_batches_and_one_on_blocks_are_both_found() {
    let stage = Stage::with(in_service).await;
    stage.node.on(Switch::of(Wire::status(403, "")).of_batches_above(2));
    let text = LimitText { node: "any", status: 500, code: -31_999, text: UNKNOWN };
    let limit = Limit { measure: Measure::Blocks, max: 20, text, hint: Hint::Right };
    stage.node.on(Switch::of(Refusal::Limit(limit)));
    let answer = stage.range(1, HEAD).await.unwrap();
    assert_eq!(answer.last().unwrap().number.get(), 20);
    stage.expect_truth(1, HEAD).await;
}

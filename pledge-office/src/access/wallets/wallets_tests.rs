use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use pledge_core::ports::{LogsAnswer, LogsRequest};
use pledge_core::primitives::{Bytes, address, hex};
use pledge_core::types::{
    BlockId, BlockNumber, BlockRef, BlockSpan, Call, CallOutcome, Reverted, Timestamp,
};

use super::*;
use crate::access::message_digest;

const CHAIN: ChainId = ChainId::new(56);
const SIGNER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const SIGNED: &str = "0xd2f37d42926de6292e7ca471fbdad1f032367d1f4c60415396ac17a66372fd54519af1b692299d8ba536d1f850fc4a57eb3037b80373035b5323e70ada60ff701c";

type Outcomes = Result<Vec<CallOutcome>, ChainError>;

/// A node that gives these answers to `calls`, one after the other, and then none.
#[derive(Debug, Default)]
struct Node {
    answers: Mutex<Vec<Outcomes>>,
    /// Whether who asks waits for ever.
    is_silent: AtomicBool,
}

fn no_answer() -> ChainError {
    ChainError::transient("ask the node", "it does not answer")
}

#[async_trait]
impl ChainSource for Node {
    async fn chain_id(&self) -> Result<ChainId, ChainError> {
        Ok(CHAIN)
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        if self.is_silent.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let (number, time) = (BlockNumber::new(7), Timestamp::ZERO);
        Ok(BlockRef { number, hash: B256::repeat_byte(7), parent_hash: B256::ZERO, time })
    }

    async fn finalized(&self) -> Result<Option<BlockRef>, ChainError> {
        Err(no_answer())
    }

    async fn headers(&self, _: BlockSpan) -> Result<Vec<BlockRef>, ChainError> {
        Err(no_answer())
    }

    async fn logs<'a>(&self, _: LogsRequest<'a>) -> Result<LogsAnswer, ChainError> {
        Err(no_answer())
    }

    async fn calls(&self, _: &[Call], at: BlockId) -> Outcomes {
        assert_eq!(at.hash, B256::repeat_byte(7), "the head is asked about");
        self.answers.lock().unwrap().pop().unwrap_or_else(|| Err(no_answer()))
    }
}

async fn check(mut answers: Vec<Outcomes>) -> Result<SignedBy, WalletError> {
    answers.reverse();
    let node = Node { answers: Mutex::new(answers), ..Node::default() };
    let node: Arc<dyn ChainSource> = Arc::new(node);
    let signature = WalletSignature::parse(SIGNED).unwrap();
    let digest = message_digest("Hello, world");
    Wallets::new([(CHAIN, node)].into()).check(CHAIN, SIGNER, digest, &signature).await
}

fn bytes(bytes: &[u8]) -> CallOutcome {
    Ok(Bytes::copy_from_slice(bytes))
}

fn gone() -> Outcomes {
    Err(ChainError::block_gone("ask the node", "the block is gone"))
}

#[tokio::test]
async fn a_key_and_a_contract_sign() {
    let key = check(vec![Ok(vec![bytes(&[]), bytes(&[])])]).await;
    assert_eq!(key.unwrap(), SignedBy::Key);
    let accepted = [&hex!("1626ba7e")[..], &[0; 28]].concat();
    let contract = check(vec![Ok(vec![bytes(&[1]), bytes(&accepted)])]).await;
    assert_eq!(contract.unwrap(), SignedBy::Contract);
}

#[tokio::test]
async fn a_contract_that_answers_wrongly_is_a_refusal() {
    let reverted = Err(Reverted("execution reverted".to_owned()));
    for answer in [reverted, bytes(&[]), bytes(&[0; 32]), bytes(&[1; 64])] {
        let checked = check(vec![Ok(vec![bytes(&[1]), answer])]).await;
        assert!(matches!(checked, Err(WalletError::NotSigned(_))), "{checked:?}");
    }
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_neither_a_refusal_nor_a_success() {
    let checked = check(Vec::new()).await;
    assert!(matches!(checked, Err(WalletError::Chain(_))), "{checked:?}");
}

#[tokio::test]
async fn a_head_that_is_gone_is_read_again_a_few_times() {
    let key = || Ok(vec![bytes(&[]), bytes(&[])]);
    assert_eq!(check(vec![gone(), gone(), key()]).await.unwrap(), SignedBy::Key);
    let checked = check(vec![gone(), gone(), gone(), key()]).await;
    assert!(matches!(checked, Err(WalletError::Chain(_))), "{checked:?}");
}

#[tokio::test]
async fn an_account_of_another_chain_is_not_asked_for() {
    let signature = WalletSignature::parse("0x").unwrap();
    let wallets = Wallets::new(BTreeMap::new());
    let checked = wallets.check(CHAIN, SIGNER, B256::ZERO, &signature).await;
    assert!(matches!(checked, Err(WalletError::UnknownChain(CHAIN))), "{checked:?}");
}

#[tokio::test]
async fn a_chain_is_asked_about_a_bounded_number_of_signatures_and_no_other_chain_waits_for_it() {
    let (silent, other) = (Arc::new(Node::default()), ChainId::new(1));
    silent.is_silent.store(true, Ordering::SeqCst);
    let chains = [(CHAIN, silent.clone() as _), (other, Arc::new(Node::default()) as _)];
    let wallets = Wallets::new(chains.into());
    let signature = WalletSignature::parse("0x").unwrap();
    let check = |chain| {
        let (wallets, signature) = (wallets.clone(), signature.clone());
        async move { wallets.check(chain, SIGNER, B256::ZERO, &signature).await }
    };
    let asked = u16::from(ASKED_AT_ONCE) + WAITING_MAX;
    let asking: Vec<_> = (0..asked).map(|_| tokio::spawn(check(CHAIN))).collect();
    tokio::task::yield_now().await;
    let one_more = check(CHAIN).await;
    assert!(matches!(one_more, Err(WalletError::Busy(CHAIN))), "{one_more:?}");
    let elsewhere = check(other).await;
    assert!(matches!(elsewhere, Err(WalletError::Chain(_))), "{elsewhere:?}");
    asking.iter().for_each(tokio::task::JoinHandle::abort);
    for one in asking {
        one.await.unwrap_err();
    }
    silent.is_silent.store(false, Ordering::SeqCst);
    let later = check(CHAIN).await;
    assert!(matches!(later, Err(WalletError::Chain(_))), "{later:?}");
}

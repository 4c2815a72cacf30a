//! Signatures of contracts on a real node, also of those that are not deployed.

#![expect(clippy::unwrap_used, reason = "tests panic")]

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use pledge_chain_evm::{EvmChain, EvmConfig};
use pledge_core::types::ChainId;
use pledge_examples::Anvil;
use pledge_office::access::{SignedBy, WalletError, WalletSignature, Wallets};
use serde_json::json;

const CHAIN: ChainId = ChainId::new(31_337);
/// Deploys what follows a salt, at an address that follows from both. Anvil has it from its first block.
const FACTORY: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
const SALT: B256 = B256::repeat_byte(0x5a);

/// A wallet that accepts a signature which begins with 32 times `07`, and returns zero for every other.
#[rustfmt::skip]
fn wallet() -> Vec<u8> {
    [
        &hex!("606435")[..],             // PUSH1 100, CALLDATALOAD: the first word of the signature
        &hex!("7f"), &[7; 32],           // PUSH32
        &hex!("14"),                     // EQ
        &hex!("631626ba7e60e01b"),       // PUSH4 0x1626ba7e, PUSH1 224, SHL
        &hex!("02"),                     // MUL
        &hex!("60005260206000f3"),       // PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN
    ]
    .concat()
}

/// The code that deploys the wallet.
fn creation() -> Vec<u8> {
    let wallet = wallet();
    let length = u8::try_from(wallet.len()).unwrap();
    // PUSH1 LENGTH, DUP1, PUSH1 11, PUSH1 0, CODECOPY, PUSH1 0, RETURN
    let copy = [0x60, length, 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xf3];
    [&copy[..], &wallet].concat()
}

fn wallet_address() -> Address {
    FACTORY.create2(SALT, keccak256(creation()))
}

/// The call that makes the factory deploy the wallet.
fn deployment() -> Vec<u8> {
    [SALT.as_slice(), &creation()].concat()
}

fn signature(bytes: &[u8]) -> WalletSignature {
    WalletSignature::from_bytes(Bytes::copy_from_slice(bytes)).unwrap()
}

/// A signature of ERC-6492.
fn marked(factory: Address, deployment: &[u8], inner: &[u8]) -> WalletSignature {
    let word = |number: usize| U256::from(number).to_be_bytes::<32>();
    let padded = |bytes: &[u8]| {
        let padding = bytes.len().next_multiple_of(32) - bytes.len();
        [&word(bytes.len())[..], bytes, &[0; 32][..padding]].concat()
    };
    let (deployment, inner) = (padded(deployment), padded(inner));
    let head = [factory.into_word().0, word(96), word(96 + deployment.len())].concat();
    signature(&[head, deployment, inner, hex!("6492").repeat(16)].concat())
}

struct World {
    anvil: Anvil,
    wallets: Wallets,
}

impl World {
    async fn new() -> Self {
        let anvil = Anvil::start(CHAIN.get(), &[]).await.unwrap();
        anvil.mine(1, 12).await.unwrap();
        let source = EvmChain::connect(EvmConfig::new(CHAIN, anvil.url().parse().unwrap()));
        let source = Arc::new(source.await.unwrap());
        Self { anvil, wallets: Wallets::new([(CHAIN, source as _)].into()) }
    }

    async fn deploy(&self, account: Address, code: &[u8]) {
        let params = json!([account, hex::encode_prefixed(code)]);
        self.anvil.request("anvil_setCode", params).await.unwrap();
        self.anvil.mine(1, 12).await.unwrap();
    }

    /// Whether an account signed, and how.
    async fn signed(&self, account: Address, signature: &WalletSignature) -> Option<SignedBy> {
        let digest = B256::repeat_byte(0xd1);
        match self.wallets.check(CHAIN, account, digest, signature).await {
            Ok(by) => Some(by),
            Err(WalletError::NotSigned(_)) => None,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_contract_that_is_not_deployed_signs_by_its_deployment() {
    let (world, account) = (World::new().await, wallet_address());
    let right = marked(FACTORY, &deployment(), &[7; 32]);
    assert_eq!(world.signed(account, &right).await, Some(SignedBy::Contract));
    // Nothing of it is left on the chain.
    assert_eq!(world.signed(account, &signature(&[7; 32])).await, None);
    let wrong = marked(FACTORY, &deployment(), &[8; 32]);
    assert_eq!(world.signed(account, &wrong).await, None);
}

#[tokio::test]
async fn a_contract_signs_whether_its_deployment_is_named_or_not() {
    let (world, account) = (World::new().await, wallet_address());
    world.deploy(account, &wallet()).await;
    for right in [signature(&[7; 32]), marked(FACTORY, &deployment(), &[7; 32])] {
        assert_eq!(world.signed(account, &right).await, Some(SignedBy::Contract));
    }
    for wrong in [signature(&[8; 32]), marked(FACTORY, &deployment(), &[8; 32]), signature(&[])] {
        assert_eq!(world.signed(account, &wrong).await, None);
    }
}

#[tokio::test]
async fn a_deployment_that_deploys_something_else_or_nothing_is_refused() {
    let (world, account) = (World::new().await, wallet_address());
    let other = [&[1; 32][..], &creation()].concat();
    for (factory, deployment) in [
        (FACTORY, &other[..]),
        (FACTORY, &[]),
        (Address::ZERO, &deployment()),
        (Address::repeat_byte(0xee), &deployment()),
    ] {
        let marked = marked(factory, deployment, &[7; 32]);
        assert_eq!(world.signed(account, &marked).await, None, "{factory}");
    }
}

/// PUSH1 0, PUSH1 0, REVERT; INVALID; JUMPDEST, PUSH1 0, JUMP; a word of all ones; the word and a byte more.
#[tokio::test]
async fn a_contract_that_answers_wrongly_is_refused() {
    let world = World::new().await;
    let account = Address::repeat_byte(0xba);
    let long = hex!("631626ba7e60e01b60005260216000f3");
    let short = hex!("631626ba7e60e01b600052601f6000f3");
    let ones = hex!("60001960005260206000f3");
    for code in
        [&hex!("60006000fd")[..], &hex!("fe"), &hex!("5b600056"), &ones, &long, &short, &hex!("00")]
    {
        world.deploy(account, code).await;
        for signed in [signature(&[7; 32]), marked(FACTORY, &deployment(), &[7; 32])] {
            assert_eq!(world.signed(account, &signed).await, None, "{}", hex::encode(code));
        }
    }
    // The same with the length of a word accepts everything.
    world.deploy(account, &hex!("631626ba7e60e01b60005260206000f3")).await;
    assert_eq!(world.signed(account, &signature(&[7; 32])).await, Some(SignedBy::Contract));
}

/// The one that returns its input would return the word of the standard first.
#[tokio::test]
async fn a_precompiled_contract_signs_nothing() {
    let world = World::new().await;
    for last in 1..=10 {
        let account = Address::with_last_byte(last);
        for signed in [signature(&[7; 32]), marked(FACTORY, &deployment(), &[7; 32])] {
            assert_eq!(world.signed(account, &signed).await, None, "{account}");
        }
    }
}

#[tokio::test]
async fn a_node_that_died_is_no_refusal() {
    let World { anvil, wallets } = World::new().await;
    drop(anvil);
    let signature = signature(&[7; 32]);
    let checked = wallets.check(CHAIN, wallet_address(), B256::ZERO, &signature);
    let error = checked.await.unwrap_err();
    assert!(matches!(error, WalletError::Chain(_)), "{error:?}");
}

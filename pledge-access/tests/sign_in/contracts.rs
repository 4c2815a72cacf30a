//! By a contract, which is asked again at each refresh.

use pledge_core::primitives::Address;
use pledge_office::access::{RefreshError, SignInError, SignedIn, Signs};

use crate::node::{Accounts, CHAIN};
use crate::world::{Account, World, client};

const CONTRACT: Address = Address::repeat_byte(0xc0);
/// Whatever a contract accepts.
const SIGNATURE: &str = "0x01";

async fn world() -> World {
    let world = World::new().await;
    world.wallet_user(CONTRACT, Signs::ByContract(CHAIN)).await;
    world.node.set(Accounts::Accepting);
    world
}

async fn signed_in(world: &World) -> SignedIn {
    world.by_wallet(&world.message(CONTRACT), SIGNATURE).await.unwrap()
}

#[tokio::test]
async fn a_contract_that_accepts_lets_its_user_in() {
    let world = world().await;
    let signed_in = signed_in(&world).await;
    assert!(world.is_let_in(&signed_in).await);
}

#[tokio::test]
async fn a_contract_that_answers_wrongly_lets_no_one_in() {
    let world = world().await;
    world.node.set(Accounts::Reverting);
    let error = world.by_wallet(&world.message(CONTRACT), SIGNATURE).await.unwrap_err();
    assert!(matches!(error, SignInError::NotSigned(_)), "{error:?}");
}

#[tokio::test]
async fn a_key_is_not_the_contract_at_its_address() {
    let world = World::new().await;
    let account = Account::random();
    world.wallet_user(account.address(), Signs::ByContract(CHAIN)).await;
    let message = world.message(account.address());
    let error = world.by_wallet(&message, &account.sign(&message)).await.unwrap_err();
    assert!(matches!(error, SignInError::NotRegistered), "{error:?}");
}

#[tokio::test]
async fn a_contract_that_refuses_at_a_refresh_ends_the_sign_in() {
    let world = world().await;
    let first = signed_in(&world).await;
    let next = world.sessions().refresh(first.refresh_token.expose(), &client()).await.unwrap();
    world.node.set(Accounts::Reverting);
    assert!(world.is_let_in(&next).await, "it is asked at a refresh");
    let refused = world.sessions().refresh(next.refresh_token.expose(), &client()).await;
    assert!(matches!(refused, Err(RefreshError::Over)), "{refused:?}");
    assert!(!world.is_let_in(&next).await);
    world.node.set(Accounts::Accepting);
    let over = world.sessions().refresh(next.refresh_token.expose(), &client()).await;
    assert!(matches!(over, Err(RefreshError::Over)), "{over:?}");
}

#[tokio::test]
async fn a_chain_that_does_not_answer_at_a_refresh_leaves_the_token_unused() {
    let world = world().await;
    let first = signed_in(&world).await;
    world.node.set(Accounts::Down);
    let refused = world.sessions().refresh(first.refresh_token.expose(), &client()).await;
    assert!(matches!(refused, Err(RefreshError::Unavailable(_))), "{refused:?}");
    assert!(world.is_let_in(&first).await);
    world.node.set(Accounts::Accepting);
    let next = world.sessions().refresh(first.refresh_token.expose(), &client()).await;
    assert!(next.is_ok(), "{next:?}");
}

#[tokio::test]
async fn a_token_of_an_ended_sign_in_asks_no_chain() {
    let world = world().await;
    let signed_in = signed_in(&world).await;
    world.sessions().end(&signed_in.caller).await.unwrap();
    let asked = world.node.asked();
    let over = world.sessions().refresh(signed_in.refresh_token.expose(), &client()).await;
    assert!(matches!(over, Err(RefreshError::Over)), "{over:?}");
    assert_eq!(world.node.asked(), asked);
}

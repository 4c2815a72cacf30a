//! By the signature of a key.

use pledge_office::access::{BadNonce, Refusal, SignInError, Signs};

use crate::node::Accounts;
use crate::world::{Account, World};

async fn world() -> (World, Account) {
    let (world, account) = (World::new().await, Account::random());
    world.wallet_user(account.address(), Signs::ByKey).await;
    (world, account)
}

#[tokio::test]
async fn a_signature_lets_its_user_in() {
    let (world, account) = world().await;
    let message = world.message(account.address());
    let signed_in = world.by_wallet(&message, &account.sign(&message)).await.unwrap();
    assert!(world.is_let_in(&signed_in).await);
}

#[tokio::test]
async fn a_nonce_that_is_used_twice_at_once_lets_in_once() {
    let (world, account) = world().await;
    let message = world.message(account.address());
    let signature = account.sign(&message);
    let attempts = (0..8).map(|_| world.by_wallet(&message, &signature));
    let outcomes = futures::future::join_all(attempts).await;
    let let_in = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(let_in, 1, "{outcomes:?}");
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    for error in refused {
        assert!(matches!(error, SignInError::NonceUsed), "{error:?}");
    }
}

#[tokio::test]
async fn a_signature_for_another_domain_is_refused_and_no_chain_is_asked() {
    let (world, account) = world().await;
    for domain in ["evil.example", "app.example.evil.example", "app.example:8443"] {
        let message = world.message(account.address()).replacen("app.example", domain, 1);
        let error = world.by_wallet(&message, &account.sign(&message)).await.unwrap_err();
        assert!(matches!(error, SignInError::Refused(Refusal::Domain(_))), "{error:?}");
    }
    let message = world.message(account.address()).replace("://app.example", "://evil.example");
    let error = world.by_wallet(&message, &account.sign(&message)).await.unwrap_err();
    assert!(matches!(error, SignInError::Refused(Refusal::Uri(_))), "{error:?}");
    assert_eq!(world.node.asked(), 0);
}

#[tokio::test]
async fn a_nonce_of_another_server_or_another_hour_is_refused_and_no_chain_is_asked() {
    let (world, account) = world().await;
    let (other, _) = self::world().await;
    let message = world.message(account.address());
    let foreign = message.replace(&nonce(&message), &format!("{}0", &nonce(&message)[1..]));
    let error = world.by_wallet(&foreign, &account.sign(&foreign)).await.unwrap_err();
    assert!(matches!(error, SignInError::Nonce(BadNonce::Foreign)), "{error:?}");
    // Of another instance with the same secret, whose nonces are as good.
    let shared = other.message(account.address());
    assert!(world.by_wallet(&shared, &account.sign(&shared)).await.is_ok());
    let asked = world.node.asked();
    world.pass(600);
    let now = format!("Issued At: {}", world.now());
    let old = message.split("Issued At").next().unwrap().to_owned() + &now;
    let error = world.by_wallet(&old, &account.sign(&old)).await.unwrap_err();
    assert!(matches!(error, SignInError::Nonce(BadNonce::Old)), "{error:?}");
    assert_eq!(world.node.asked(), asked);
}

fn nonce(message: &str) -> String {
    let (_, rest) = message.split_once("Nonce: ").unwrap();
    rest.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_signature_takes_nothing_from_the_right_one() {
    let (world, account) = world().await;
    let message = world.message(account.address());
    let stranger = Account::random();
    for wrong in [stranger.sign(&message), account.sign("another message"), "0x".to_owned()] {
        let error = world.by_wallet(&message, &wrong).await.unwrap_err();
        assert!(matches!(error, SignInError::NotSigned(_)), "{error:?}");
    }
    assert!(world.by_wallet(&message, &account.sign(&message)).await.is_ok());
}

#[tokio::test]
async fn a_chain_that_does_not_answer_leaves_the_message_as_good_as_before() {
    let (world, account) = world().await;
    let message = world.message(account.address());
    let signature = account.sign(&message);
    world.node.set(Accounts::Down);
    let error = world.by_wallet(&message, &signature).await.unwrap_err();
    assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");
    world.node.set(Accounts::Keys);
    assert!(world.by_wallet(&message, &signature).await.is_ok());
}

#[tokio::test]
async fn a_wallet_of_no_user_is_not_let_in() {
    let world = World::new().await;
    let account = Account::random();
    let message = world.message(account.address());
    let error = world.by_wallet(&message, &account.sign(&message)).await.unwrap_err();
    assert!(matches!(error, SignInError::NotRegistered), "{error:?}");
}

#[tokio::test]
async fn what_is_no_message_and_no_signature_is_named() {
    let (world, account) = world().await;
    let error = world.by_wallet("hello", "0x").await.unwrap_err();
    assert!(error.to_string().starts_with("line 1 of the message"), "{error}");
    let error = world.by_wallet(&world.message(account.address()), "hello").await.unwrap_err();
    assert!(error.to_string().contains("hex digits"), "{error}");
}

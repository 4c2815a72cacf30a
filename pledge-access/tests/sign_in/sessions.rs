//! Refreshed, stolen and ended sign-ins.

use pledge_office::access::{Authenticator, RefreshError, SignedIn, Unauthenticated};

use crate::world::{World, client};

async fn refresh(world: &World, of: &SignedIn) -> Result<SignedIn, RefreshError> {
    world.sessions().refresh(of.refresh_token.expose(), &client()).await
}

async fn world() -> (World, SignedIn) {
    let world = World::new().await;
    world.user("olivia", "viewer").await;
    let signed_in = world.signed_in("olivia").await;
    (world, signed_in)
}

fn is_over(outcome: &Result<SignedIn, RefreshError>) -> bool {
    matches!(outcome, Err(RefreshError::Over))
}

#[tokio::test]
async fn a_refresh_gives_other_tokens_of_the_same_sign_in() {
    let (world, first) = world().await;
    let next = refresh(&world, &first).await.unwrap();
    assert_ne!(next.refresh_token, first.refresh_token);
    assert_ne!(next.access_token, first.access_token);
    assert_eq!(next.caller.identity, first.caller.identity);
    assert!(world.is_let_in(&next).await && world.is_let_in(&first).await);
    assert!(refresh(&world, &next).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again() {
    let (world, first) = world().await;
    let lost = refresh(&world, &first).await.unwrap();
    let again = refresh(&world, &first).await.unwrap();
    assert_eq!(again.refresh_token, lost.refresh_token);
}

#[tokio::test]
async fn two_that_refresh_at_once_get_the_same_token() {
    let (world, first) = world().await;
    let both = futures::future::join_all((0..4).map(|_| refresh(&world, &first))).await;
    let tokens: Vec<_> = both.into_iter().map(|one| one.unwrap().refresh_token).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_sign_in_and_is_audited() {
    let (world, stolen) = world().await;
    let own = refresh(&world, &stolen).await.unwrap();
    let newest = refresh(&world, &own).await.unwrap();
    assert!(is_over(&refresh(&world, &stolen).await));
    assert!(!world.is_let_in(&newest).await && !world.is_let_in(&stolen).await);
    assert!(is_over(&refresh(&world, &newest).await));
    assert!(is_over(&refresh(&world, &stolen).await));
    let records = world.audited().await;
    let reused: Vec<_> =
        records.iter().filter(|record| record.act.action.name() == "reuse_token").collect();
    assert_eq!(reused.len(), 1, "{records:?}");
    assert_eq!(reused[0].by.address, Some(client().address));
}

#[tokio::test]
async fn another_sign_in_of_the_user_survives_a_stolen_token() {
    let (world, stolen) = world().await;
    let other = world.signed_in("olivia").await;
    let own = refresh(&world, &stolen).await.unwrap();
    refresh(&world, &own).await.unwrap();
    assert!(is_over(&refresh(&world, &stolen).await));
    assert!(world.is_let_in(&other).await);
}

#[tokio::test]
async fn what_is_no_refresh_token_refreshes_nothing() {
    let (world, signed_in) = world().await;
    for text in ["", "x", &"ab".repeat(32), &signed_in.access_token] {
        let outcome = world.sessions().refresh(text, &client()).await;
        assert!(is_over(&outcome), "{text}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let (world, signed_in) = world().await;
    let mut other = signed_in.clone();
    signed_in.refresh_token.expose().clone_into(&mut other.access_token);
    assert!(!world.is_let_in(&other).await);
}

#[tokio::test]
async fn a_logout_ends_one_sign_in_and_a_logout_everywhere_all() {
    let (world, first) = world().await;
    let (second, third) = (world.signed_in("olivia").await, world.signed_in("olivia").await);
    world.sessions().end(&first.caller).await.unwrap();
    assert!(!world.is_let_in(&first).await && world.is_let_in(&second).await);
    assert!(is_over(&refresh(&world, &first).await));
    assert_eq!(world.sessions().end_all(&second.caller).await.unwrap(), 2);
    assert!(!world.is_let_in(&second).await && !world.is_let_in(&third).await);
}

#[tokio::test]
async fn an_access_token_ends_by_the_machines_clock() {
    let (world, signed_in) = world().await;
    world.pass(899);
    assert!(world.is_let_in(&signed_in).await);
    world.pass(1);
    assert!(!world.is_let_in(&signed_in).await);
    assert!(refresh(&world, &signed_in).await.is_ok());
}

#[tokio::test]
async fn a_caller_that_is_checked_again_keeps_its_end_and_is_refused_once_its_sign_in_ended() {
    let (world, signed_in) = world().await;
    let caller = world.caller(&signed_in).await.unwrap();
    assert_eq!(world.sessions().check_again(&caller).await.unwrap(), caller);
    world.sessions().end(&caller).await.unwrap();
    let refused = world.sessions().check_again(&caller).await;
    assert!(matches!(refused, Err(Unauthenticated::Refused)), "{refused:?}");
}

/// What lasts longer than a request is opened by a token, and ends with it.
#[tokio::test]
async fn a_caller_that_is_checked_again_is_refused_once_its_token_has_ended() {
    let (world, signed_in) = world().await;
    let caller = world.caller(&signed_in).await.unwrap();
    world.pass(899);
    assert!(world.sessions().check_again(&caller).await.is_ok());
    world.pass(1);
    let refused = world.sessions().check_again(&caller).await;
    assert!(matches!(refused, Err(Unauthenticated::Refused)), "{refused:?}");
    let next = refresh(&world, &signed_in).await.unwrap();
    let caller = world.caller(&next).await.unwrap();
    assert!(world.sessions().check_again(&caller).await.is_ok(), "the session goes on");
}

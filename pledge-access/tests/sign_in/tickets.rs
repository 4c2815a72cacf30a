//! Tickets, which open one stream.

use pledge_office::access::{Authenticator, Caller, Credential, Unauthenticated};

use crate::world::World;

async fn world() -> (World, Caller) {
    let world = World::new().await;
    world.user("olivia", "viewer").await;
    let signed_in = world.signed_in("olivia").await;
    let caller = world.caller(&signed_in).await.unwrap();
    (world, caller)
}

async fn ticket(world: &World, caller: &Caller) -> Credential {
    let ticket = world.sessions().ticket(caller).await.unwrap().unwrap();
    Credential::Ticket(ticket.expose().to_owned())
}

fn is_refused(outcome: &Result<Caller, Unauthenticated>) -> bool {
    matches!(outcome, Err(Unauthenticated::Refused))
}

#[tokio::test]
async fn a_ticket_lets_in_whoever_asked_for_it() {
    let (world, caller) = world().await;
    let opened = world.authenticate(ticket(&world, &caller).await).await.unwrap();
    assert_eq!((opened.identity, opened.grants), (caller.identity, caller.grants));
}

/// Or a stream would outlast everything that a refresh asks: a contract that no longer accepts its signature.
#[tokio::test]
async fn what_a_ticket_opens_ends_as_with_a_token_that_is_made_now() {
    let (world, caller) = world().await;
    let opened = world.authenticate(ticket(&world, &caller).await).await.unwrap();
    world.pass(899);
    assert!(world.sessions().check_again(&opened).await.is_ok());
    world.pass(1);
    assert!(is_refused(&world.sessions().check_again(&opened).await));
}

#[tokio::test]
async fn a_ticket_that_is_used_twice_at_once_lets_in_once() {
    let (world, caller) = world().await;
    let ticket = ticket(&world, &caller).await;
    let uses = (0..8).map(|_| world.authenticate(ticket.clone()));
    let outcomes = futures::future::join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| is_refused(outcome)).count(), 7, "{outcomes:?}");
}

#[tokio::test]
async fn a_ticket_of_a_sign_in_that_ended_lets_no_one_in() {
    let (world, caller) = world().await;
    let ticket = ticket(&world, &caller).await;
    world.sessions().end(&caller).await.unwrap();
    assert!(is_refused(&world.authenticate(ticket).await));
}

#[tokio::test]
async fn what_is_no_ticket_lets_no_one_in() {
    let (world, _) = world().await;
    for text in ["", "x", &"ab".repeat(32), &"AB".repeat(32)] {
        let outcome = world.authenticate(Credential::Ticket(text.to_owned())).await;
        assert!(is_refused(&outcome), "{text}");
    }
}

#[tokio::test]
async fn who_shows_nothing_gets_no_ticket() {
    let (world, _) = world().await;
    assert_eq!(world.sessions().ticket(&Caller::anonymous()).await.unwrap(), None);
}

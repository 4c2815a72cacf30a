//! Keys of programs.

use pledge_access::OsRandom;
use pledge_office::access::{
    ApiKeyId, ApiKeyStore, ApiKeyText, Authenticator, Caller, Credential, GivenGrants, Identity,
    KeyName, NewApiKey, Object, Permission, RoleName, Unauthenticated, User, UserWrites,
};
use pledge_office::base::random_bytes;

use crate::world::World;

/// A key for what a viewer may do, of an operator.
async fn world() -> (World, User, ApiKeyText, ApiKeyId) {
    let world = World::new().await;
    let owner = world.user("olivia", "operator").await;
    let text = ApiKeyText::random(&OsRandom);
    let id = ApiKeyId::from_bytes(random_bytes(&OsRandom));
    let key = NewApiKey {
        id,
        prefix: text.prefix().clone(),
        hash: text.hash(),
        name: KeyName::new("ci").unwrap(),
        owner: owner.id,
        grants: GivenGrants::everywhere(RoleName::new("viewer").unwrap()),
        until: None,
    };
    world.store.add_api_key(&key, &world.operator()).await.unwrap();
    (world, owner, text, id)
}

async fn show(world: &World, text: &str) -> Result<Caller, Unauthenticated> {
    world.authenticate(Credential::ApiKey(text.to_owned())).await
}

#[tokio::test]
async fn a_key_lets_its_program_in_with_what_it_may_do() {
    let (world, owner, text, id) = world().await;
    let caller = show(&world, text.expose()).await.unwrap();
    let name = "olivia/ci".to_owned();
    assert_eq!(caller.identity, Identity::ApiKey { key: id, name, owner: owner.id });
    assert!(caller.may(Permission::ReadAll, Object::General));
    assert!(!caller.may(Permission::PauseChains, Object::General));
    let key = world.store.api_key(id).await.unwrap().unwrap();
    assert!(key.last_used.is_some(), "its use is noted");
}

#[tokio::test]
async fn a_key_of_another_secret_or_form_lets_no_one_in() {
    let (world, _, text, _) = world().await;
    let other = ApiKeyText::random(&OsRandom);
    let (_, secret) = other.expose().rsplit_once('_').unwrap();
    let mixed = format!("pledge_{}_{secret}", text.prefix().as_str());
    for wrong in [&mixed, other.expose(), &text.expose()[..40], "", "pledge_"] {
        let shown = show(&world, wrong).await;
        assert!(matches!(shown, Err(Unauthenticated::Refused)), "{wrong}: {shown:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_revoked_or_whose_owner_is_banned_lets_no_one_in() {
    let (world, owner, text, id) = world().await;
    let caller = show(&world, text.expose()).await.unwrap();
    world.store.ban_user(owner.id, &world.operator()).await.unwrap();
    assert!(show(&world, text.expose()).await.is_err());
    assert!(world.sessions().check_again(&caller).await.is_err());
    world.store.lift_ban(owner.id, &world.operator()).await.unwrap();
    assert!(world.sessions().check_again(&caller).await.is_ok());
    world.store.revoke_api_key(id, &world.operator()).await.unwrap();
    assert!(show(&world, text.expose()).await.is_err());
    assert!(world.sessions().check_again(&caller).await.is_err());
}

#[tokio::test]
async fn a_key_gets_a_ticket_of_its_own_and_ends_no_sign_in() {
    let (world, _, text, _) = world().await;
    let signed_in = world.signed_in("olivia").await;
    let caller = show(&world, text.expose()).await.unwrap();
    let ticket = world.sessions().ticket(&caller).await.unwrap().unwrap();
    let opened = world.authenticate(Credential::Ticket(ticket.expose().to_owned())).await.unwrap();
    assert_eq!(opened.identity, caller.identity);
    world.sessions().end(&caller).await.unwrap();
    assert_eq!(world.sessions().end_all(&caller).await.unwrap(), 0);
    assert!(world.is_let_in(&signed_in).await);
}

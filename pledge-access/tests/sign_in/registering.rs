//! Becoming a user.

use std::time::Duration;

use pledge_access::OsRandom;
use pledge_office::access::{
    GivenGrants, InvitationId, InvitationStore, NewInvitation, OneUse, Profile, Refused,
    Registering, Registration, RoleName, SignInError, SignedIn, SignedMessage, UserName,
};
use pledge_office::base::random_bytes;

use crate::world::{Account, PASSWORD, World, client};

fn profile(name: &str) -> Profile {
    Profile { name: Some(UserName::new(name).unwrap()), ..Profile::default() }
}

async fn register(
    world: &World,
    name: &str,
    password: &str,
    invitation: Option<&str>,
) -> Result<SignedIn, SignInError> {
    let by = Registering::Password(password);
    world.sign_in.register(by, profile(name), invitation, &client()).await
}

/// The code of an invitation to the role `viewer`.
async fn invite(world: &World) -> String {
    let code = OneUse::random(&OsRandom);
    let invitation = NewInvitation {
        id: InvitationId::from_bytes(random_bytes(&OsRandom)),
        hash: code.hash(),
        grants: GivenGrants::everywhere(RoleName::new("viewer").unwrap()),
        lasts: Duration::from_secs(60),
        note: None,
    };
    world.store.invite(&invitation, &world.operator()).await.unwrap();
    code.expose().to_owned()
}

fn role(signed_in: &SignedIn) -> &str {
    signed_in.caller.grants[0].role.name.as_str()
}

#[tokio::test]
async fn everyone_registers_where_registration_is_open() {
    let world = World::with(Registration::Open).await;
    let signed_in = register(&world, "olivia", PASSWORD, None).await.unwrap();
    assert_eq!(role(&signed_in), "member");
    assert!(world.is_let_in(&signed_in).await);
    assert!(world.by_password("olivia", PASSWORD).await.is_ok());
    let records = world.audited().await;
    assert_eq!(records[0].act.action.name(), "register_user");
    assert_eq!(records[0].by.actor.to_string(), "person:olivia");
    let taken = register(&world, "olivia", PASSWORD, None).await.unwrap_err();
    assert!(matches!(taken, SignInError::Access(Refused::NameTaken)), "{taken:?}");
}

#[tokio::test]
async fn no_one_registers_where_registration_is_closed() {
    let world = World::new().await;
    let code = invite(&world).await;
    for invitation in [None, Some(&*code)] {
        let error = register(&world, "olivia", PASSWORD, invitation).await.unwrap_err();
        assert!(matches!(error, SignInError::Closed), "{error:?}");
    }
}

#[tokio::test]
async fn an_invitation_makes_one_user_with_its_roles() {
    let world = World::with(Registration::Invited).await;
    let error = register(&world, "olivia", PASSWORD, None).await.unwrap_err();
    assert!(matches!(error, SignInError::InvitationNeeded), "{error:?}");
    let code = invite(&world).await;
    let signed_in = register(&world, "olivia", PASSWORD, Some(&code)).await.unwrap();
    assert_eq!(role(&signed_in), "viewer");
    for used in [&*code, &"ab".repeat(32), "x"] {
        let error = register(&world, "oscar", PASSWORD, Some(used)).await.unwrap_err();
        assert!(matches!(error, SignInError::Access(Refused::InvitationOver)), "{error:?}");
    }
}

#[tokio::test]
async fn a_wallet_that_is_no_users_registers_by_the_message_that_did_not_let_it_in() {
    let world = World::with(Registration::Open).await;
    let account = Account::random();
    let message = world.message(account.address());
    let signature = account.sign(&message);
    let error = world.by_wallet(&message, &signature).await.unwrap_err();
    assert!(matches!(error, SignInError::NotRegistered), "{error:?}");
    let signed = SignedMessage { message: &message, signature: &signature };
    let register = || {
        let by = Registering::Wallet(signed);
        world.sign_in.register(by, Profile::default(), None, &client())
    };
    assert!(register().await.is_ok());
    let error = register().await.unwrap_err();
    assert!(matches!(error, SignInError::NonceUsed), "{error:?}");
    let next = world.message(account.address());
    assert!(world.by_wallet(&next, &account.sign(&next)).await.is_ok());
}

#[tokio::test]
async fn a_password_that_is_easily_guessed_makes_no_user() {
    let world = World::with(Registration::Open).await;
    for weak in ["short", "i am olivia, hello", "xxxxxxxxxxxxxxxx"] {
        let error = register(&world, "olivia", weak, None).await.unwrap_err();
        assert!(matches!(error, SignInError::Password(_)), "{error:?}");
    }
    let by = Registering::Password(PASSWORD);
    let nameless = world.sign_in.register(by, Profile::default(), None, &client()).await;
    assert!(matches!(nameless, Err(SignInError::Access(Refused::NameNeeded))), "{nameless:?}");
}

//! By name and password.

use pledge_office::access::{Client, Identity, Refused, SignInError, UserWrites};

use crate::world::{PASSWORD, World, client};

#[tokio::test]
async fn the_right_password_lets_its_user_in() {
    let world = World::new().await;
    let user = world.user("olivia", "operator").await;
    let signed_in = world.signed_in("olivia").await;
    assert_eq!(signed_in.expires_in, 900);
    let caller = world.caller(&signed_in).await.unwrap();
    assert_eq!(caller.user(), Some(user.id));
    let Identity::User { name, .. } = &caller.identity else { panic!("{caller:?}") };
    assert_eq!(name, "olivia");
    assert_eq!(caller.grants, signed_in.caller.grants);
    assert_eq!(caller.grants[0].role.name.as_str(), "operator");
    assert!(caller.until < signed_in.caller.until, "its token ends before its session");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_cost_and_answer_the_same() {
    let world = World::new().await;
    world.user("olivia", "viewer").await;
    let mut answers = Vec::new();
    for (name, password) in [
        ("olivia", "wrong"),
        ("oscar", "wrong"),
        ("No Name!", PASSWORD),
        ("", ""),
        ("oscar", PASSWORD),
    ] {
        let before = world.verified();
        let error = world.by_password(name, password).await.unwrap_err();
        assert!(matches!(error, SignInError::WrongPassword), "{name}: {error:?}");
        assert_eq!(world.verified(), before + 1, "{name}");
        answers.push(error.to_string());
    }
    answers.dedup();
    assert_eq!(answers, ["name or password is wrong"]);
}

#[tokio::test]
async fn after_three_failures_even_the_right_password_waits_there_and_nowhere_else() {
    let world = World::new().await;
    world.user("olivia", "viewer").await;
    for _ in 0..3 {
        let error = world.by_password("olivia", "wrong").await.unwrap_err();
        assert!(matches!(error, SignInError::WrongPassword), "{error:?}");
    }
    let (before, error) = (world.verified(), world.by_password("olivia", PASSWORD).await);
    let Err(SignInError::Wait(wait)) = error else { panic!("{error:?}") };
    assert!(!wait.is_zero() && wait.as_secs() <= 1, "{wait:?}");
    assert_eq!(world.verified(), before, "its password is not looked at");
    let elsewhere = Client { address: "203.0.113.9".parse().unwrap(), ..client() };
    let signed_in = world.sign_in.by_password("olivia", PASSWORD, &elsewhere).await;
    assert!(signed_in.is_ok(), "{signed_in:?}");
}

#[tokio::test]
async fn a_sign_in_that_succeeds_forgets_failures_before_it() {
    let world = World::new().await;
    world.user("olivia", "viewer").await;
    for _ in 0..3 {
        for _ in 0..2 {
            world.by_password("olivia", "wrong").await.unwrap_err();
        }
        world.signed_in("olivia").await;
    }
}

#[tokio::test]
async fn a_banned_user_is_not_let_in_and_its_session_ends_at_once() {
    let world = World::new().await;
    let user = world.user("olivia", "viewer").await;
    let signed_in = world.signed_in("olivia").await;
    world.store.ban_user(user.id, &world.operator()).await.unwrap();
    assert!(!world.is_let_in(&signed_in).await);
    let error = world.by_password("olivia", PASSWORD).await.unwrap_err();
    assert!(matches!(error, SignInError::Access(Refused::NotActive)), "{error:?}");
    // Who does not know the password does not learn of the ban.
    let error = world.by_password("olivia", "wrong").await.unwrap_err();
    assert!(matches!(error, SignInError::WrongPassword), "{error:?}");
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_and_the_sign_in_stays() {
    let world = World::new().await;
    let user = world.user("olivia", "viewer").await;
    world.give_earlier_hash(user.id).await;
    let before = world.hash_of("olivia").await;
    let signed_in = world.signed_in("olivia").await;
    let after = world.hash_of("olivia").await;
    assert_ne!(before, after);
    assert!(world.is_let_in(&signed_in).await);
    world.signed_in("olivia").await;
    assert_eq!(world.hash_of("olivia").await, after);
}

/// Or those who keep the server busy would lock others out, from anywhere.
#[tokio::test]
async fn an_attempt_that_finds_the_server_busy_is_no_failure() {
    let world = World::new().await;
    world.user("olivia", "viewer").await;
    world.by_password("olivia", "wrong").await.unwrap_err();
    world.set_busy(true);
    for _ in 0..10 {
        let error = world.by_password("olivia", PASSWORD).await.unwrap_err();
        assert!(matches!(error, SignInError::Busy), "{error:?}");
    }
    world.set_busy(false);
    for _ in 0..2 {
        let error = world.by_password("olivia", "wrong").await.unwrap_err();
        assert!(matches!(error, SignInError::WrongPassword), "{error:?}");
    }
    let error = world.by_password("olivia", PASSWORD).await.unwrap_err();
    assert!(matches!(error, SignInError::Wait(_)), "those before and after count: {error:?}");
}

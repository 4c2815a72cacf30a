use super::*;
use crate::OsRandom;

fn passwords(at_once: usize, waiting: usize) -> Argon2Passwords {
    let at_once = NonZeroUsize::new(at_once).unwrap();
    Argon2Passwords::new(PasswordBounds { at_once, waiting }, Arc::new(OsRandom))
}

fn typed(text: &str) -> Password {
    Password::typed(text).unwrap()
}

#[tokio::test]
async fn a_password_verifies_by_its_hash_and_no_other_does() {
    let passwords = passwords(1, 1);
    let hash = passwords.hash(&typed("correct horse")).await.unwrap();
    assert_eq!(passwords.verify(&typed("correct horse"), Some(&hash)).await, Ok(true));
    for other in ["correct horse ", "Correct horse", "", "battery staple"] {
        assert_eq!(passwords.verify(&typed(other), Some(&hash)).await, Ok(false), "{other}");
    }
}

#[tokio::test]
async fn two_hashes_of_a_password_differ_and_name_their_parameters() {
    let passwords = passwords(1, 1);
    let one = passwords.hash(&typed("correct horse")).await.unwrap();
    let other = passwords.hash(&typed("correct horse")).await.unwrap();
    assert_ne!(one, other);
    assert!(one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.expose());
}

#[tokio::test]
async fn nothing_verifies_without_a_hash() {
    assert_eq!(passwords(1, 1).verify(&typed("correct horse"), None).await, Ok(false));
}

#[tokio::test]
async fn a_hash_of_other_parameters_verifies() {
    let argon2 =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 3, 2, Some(24)).unwrap());
    let made: Phc = argon2.hash_password_with_salt(b"correct horse", b"0123456789abcdef").unwrap();
    let hash = PasswordHash::new(&made.to_string()).unwrap();
    assert_eq!(passwords(1, 1).verify(&typed("correct horse"), Some(&hash)).await, Ok(true));
    assert_eq!(passwords(1, 1).verify(&typed("correct mule"), Some(&hash)).await, Ok(false));
    assert!(passwords(1, 1).is_outdated(&hash), "it takes 64 KiB");
}

#[tokio::test]
async fn a_hash_that_was_just_made_is_not_outdated() {
    let passwords = passwords(1, 1);
    let hash = passwords.hash(&typed("correct horse")).await.unwrap();
    assert!(!passwords.is_outdated(&hash));
}

#[tokio::test]
async fn a_hash_that_is_none_is_neither_right_nor_wrong() {
    for text in ["$", "$argon2id$v=19$m=19456,t=2,p=1$", "$scrypt$ln=1$c2FsdA$aGFzaA"] {
        let hash = PasswordHash::new(text).unwrap();
        let verified = passwords(1, 1).verify(&typed("x"), Some(&hash)).await;
        assert_eq!(verified, Err(PasswordsError::Unreadable), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_bounds_a_password_is_refused_at_once() {
    let passwords = passwords(1, 2);
    let held = passwords.at_once.clone().acquire_owned().await.unwrap();
    let verify =
        |passwords: Argon2Passwords| async move { passwords.verify(&typed("x"), None).await };
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(verify(passwords.clone()))).collect();
    while passwords.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(verify(passwords.clone()).await, Err(PasswordsError::Busy));
    drop(held);
    for one in waiting {
        assert_eq!(one.await.unwrap(), Ok(false));
    }
    assert_eq!(verify(passwords).await, Ok(false));
}

#[tokio::test]
async fn a_caller_that_stops_waiting_gives_its_place_back() {
    let passwords = passwords(1, 0);
    let held = passwords.at_once.clone().acquire_owned().await.unwrap();
    let (one, none) = (typed("x"), None);
    let mut waiting = Box::pin(passwords.verify(&one, none));
    assert!(poll_once(&mut waiting).await.is_none());
    assert_eq!(passwords.places.available_permits(), 0);
    drop(waiting);
    assert_eq!(passwords.places.available_permits(), 1);
    drop(held);
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

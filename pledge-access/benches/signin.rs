//! Whether the time of a sign-in shows that a name is one: known and unknown names, in turn, with wrong passwords.
//!
//! Prints the medians and the test of Mann and Whitney, which asks whether values of one sample tend to be larger
//! than those of the other. It fails where they do at a level of 1 %.

#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pledge_access::{Argon2Passwords, JwtTokens, OsRandom, PasswordBounds};
use pledge_core::audit::Attribution;
use pledge_core::types::Timestamp;
use pledge_office::access::{
    By, Client, Expected, GivenGrants, NewUser, Nonces, Password, Passwords, Profile, Purpose,
    RefreshTimes, Registration, Secrets, SessionParts, Sessions, SignIn, SignInError, SignInParts,
    UserId, UserName, UserWrites, Wallets,
};
use pledge_office::base::{WallClock, random_bytes};
use pledge_storage_sqlite::SqliteStore;

/// Sign-ins of each kind.
const SAMPLES: usize = 300;
/// Before them, so that caches are warm.
const WARM_UP: usize = 10;
const KNOWN: &str = "olivia";
const UNKNOWN: &str = "oscars";

#[derive(Debug)]
struct Clock;

impl WallClock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::of_clock(SystemTime::now()).expect("a machine of this century")
    }
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("sqlite:{}", folder.path().join("pledge.db").display());
    let sign_in = sign_in(SqliteStore::open(&file).await.expect("a store")).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + SAMPLES {
        // In random order, so that what drifts meets both.
        let is_known_first = random_bytes::<1>(&OsRandom)[0] & 1 == 0;
        for is_known in [is_known_first, !is_known_first] {
            let took = time(&sign_in, if is_known { KNOWN } else { UNKNOWN }).await;
            if number >= WARM_UP {
                if is_known { known.push(took) } else { unknown.push(took) }
            }
        }
    }
    report(known, unknown);
}

/// Sign-in over a store with one user, as the server puts it together.
async fn sign_in(store: SqliteStore) -> SignIn {
    let secrets = Secrets::new(&[random_bytes::<32>(&OsRandom)]).expect("random bytes");
    let passwords = Argon2Passwords::new(PasswordBounds::of_machine(), Arc::new(OsRandom));
    let password = Password::chosen("correct horse battery", KNOWN).expect("a long one");
    let name = Some(UserName::new(KNOWN).expect("a plain word"));
    let user = NewUser {
        id: UserId::from_bytes(random_bytes(&OsRandom)),
        profile: Profile { name, ..Profile::default() },
        password: Some(passwords.hash(&password).await.expect("nothing else is hashed")),
        wallets: Vec::new(),
    };
    let by = Attribution::program("signin", SystemTime::now()).expect("a machine of this century");
    let made = store.create_user(&user, &GivenGrants::NONE, &By::machine(by)).await;
    made.expect("an empty store");
    let store = Arc::new(store);
    let sessions = Sessions::new(SessionParts {
        store: store.clone(),
        tokens: Arc::new(JwtTokens::new(&secrets.keys(Purpose::AccessToken), "app.example")),
        wallets: Wallets::new([].into()),
        refresh_keys: secrets.keys(Purpose::RefreshToken),
        times: RefreshTimes::USUAL,
        random: Arc::new(OsRandom),
        clock: Arc::new(Clock),
    });
    let parts = SignInParts {
        store,
        passwords: Arc::new(passwords),
        wallets: Wallets::new([].into()),
        nonces: Nonces::new(secrets.keys(Purpose::Nonce)),
        expected: Expected {
            scheme: "https".to_owned(),
            domain: "app.example".to_owned(),
            chains: Vec::new(),
        },
        registration: Registration::Closed,
        random: Arc::new(OsRandom),
        clock: Arc::new(Clock),
    };
    SignIn::new(parts, sessions)
}

/// How long a sign-in with a wrong password takes, from a network that has failed before no sign-in.
async fn time(sign_in: &SignIn, name: &str) -> Duration {
    let address = IpAddr::V6(Ipv6Addr::from(random_bytes::<16>(&OsRandom)));
    let client = Client { address, user_agent: None, request: None };
    let start = Instant::now();
    let refused = sign_in.by_password(name, "a wrong password", &client).await;
    let took = start.elapsed();
    assert!(matches!(refused, Err(SignInError::WrongPassword)), "{refused:?}");
    took
}

fn report(mut known: Vec<Duration>, mut unknown: Vec<Duration>) {
    let squared = squared_z_in_hundredths(&known, &unknown);
    known.sort_unstable();
    unknown.sort_unstable();
    for (name, sample) in [("known", &known), ("unknown", &unknown)] {
        let [p10, p50, p90] = [10, 50, 90].map(|part| sample[sample.len() * part / 100]);
        println!("{name:8} p10 {p10:>10.1?}  median {p50:>10.1?}  p90 {p90:>10.1?}  of {SAMPLES}");
    }
    println!("Mann-Whitney z^2 = {}.{:02} (1 % level: 6.63)", squared / 100, squared % 100);
    assert!(squared < 663, "the time of a sign-in shows whether a name is one");
}

/// 100 times the square of the statistic z of Mann and Whitney: 3 (2U - nm)^2 / (nm (n + m + 1)), where U counts
/// the pairs in which the value of the first sample is larger. Ties, which durations have none of, count as smaller.
fn squared_z_in_hundredths(one: &[Duration], other: &[Duration]) -> u128 {
    let larger = one.iter().map(|value| other.iter().filter(|other| value > other).count());
    let (twice, pairs) = (2 * larger.sum::<usize>(), one.len() * other.len());
    let (distance, all) = (twice.abs_diff(pairs) as u128, (one.len() + other.len() + 1) as u128);
    300 * distance * distance / (pairs as u128 * all)
}

//! Keys that do not fit together, and names.

use crate::good::{GOOD, USDX, load};

#[test]
fn every_wrong_key_is_named_at_once() {
    let toml = GOOD.replace("0.05", "-1").replace("eB48", "eb48").replace("500ms", "x");
    let error = load(&toml, &[]).unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}

#[test]
fn every_old_key_is_named_with_its_new_name() {
    let old = GOOD.replace("log_proof", "verify").replace("cross_check", "audit");
    let twin = old[old.find("[chains").unwrap()..].replace("sepolia", "twin");
    let error = load(&(old + &twin), &[]).unwrap_err();
    let named = |chain: &str, old: &str, new: &str| {
        let what = format!("`{old}` is called `{new}` now: write {new}");
        (format!("chains.{chain}.{old}"), what)
    };
    let expected = ["sepolia", "twin"]
        .map(|chain| [named(chain, "verify", "log_proof"), named(chain, "audit", "cross_check")]);
    let problems = error.problems().iter();
    let problems: Vec<_> = problems.map(|one| (one.key.clone(), one.what.clone())).collect();
    assert_eq!(problems, expected.concat());
}

#[test]
fn one_chain_id_under_two_names_is_refused() {
    let toml = GOOD.to_owned() + &GOOD[GOOD.find("[chains").unwrap()..].replace("sepolia", "twin");
    let error = load(&toml, &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.twin.chain_id", "{error}");
}

#[test]
fn one_token_under_two_names_is_refused() {
    let twin = format!("[chains.sepolia.tokens.twin]\naddress = \"{}\"", USDX.to_lowercase());
    let error = load(&(GOOD.to_owned() + &twin), &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.sepolia.tokens.usdx.address", "{error}");
}

#[test]
fn a_chain_without_tokens_is_refused() {
    let toml = &GOOD[..GOOD.find("[chains.sepolia.tokens").unwrap()];
    let error = load(toml, &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.sepolia.tokens", "{error}");
}

#[test]
fn a_name_that_the_environment_cannot_reach_is_refused() {
    for name in ["Sepolia", "se-polia", "se__polia", "_sepolia", "sepolia_"] {
        let error = load(&GOOD.replace("sepolia", name), &[]).unwrap_err();
        assert_eq!(error.problems()[0].key, format!("chains.{name}"), "{error}");
    }
}

#[test]
fn a_name_of_digits_alone_is_refused_since_it_may_be_the_id_of_another_chain() {
    let error = load(&GOOD.replace("sepolia", "31337"), &[]).unwrap_err();
    assert_eq!(error.problems()[0].key, "chains.31337", "{error}");
}

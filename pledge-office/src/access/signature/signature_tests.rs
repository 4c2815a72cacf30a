use pledge_core::primitives::{address, b256, hex};
use pledge_core::types::Reverted;

use super::*;

/// The first account of Anvil and Hardhat, and what it signed with ethers 6.17.
const SIGNER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const SIGNED: &str = "0xd2f37d42926de6292e7ca471fbdad1f032367d1f4c60415396ac17a66372fd54519af1b692299d8ba536d1f850fc4a57eb3037b80373035b5323e70ada60ff701c";
const DEPLOYED: Address = Address::repeat_byte(0xde);

fn outcome(bytes: impl Into<Vec<u8>>) -> CallOutcome {
    Ok(Bytes::from(bytes.into()))
}

fn reverted() -> CallOutcome {
    Err(Reverted("execution reverted".to_owned()))
}

fn inquiry(account: Address, signature: &str) -> Inquiry {
    let signature = WalletSignature::parse(signature).unwrap();
    Inquiry::new(account, message_digest("Hello, world"), &signature).unwrap()
}

/// A signature of ERC-6492 for a factory, with no deployment, around `signature`.
fn counterfactual(signature: &[u8; 32]) -> String {
    let factory = Address::repeat_byte(0xfa).into_word();
    let words = [factory.0, abi::word(96), abi::word(128), abi::word(0), abi::word(32)];
    let bytes = [&words.concat()[..], signature, &hex!("6492").repeat(16)].concat();
    hex::encode_prefixed(bytes)
}

#[test]
fn the_digest_counts_bytes() {
    let hello = b256!("0x4e42acc7ef1dab6102278515a78f6dcd869258e95f6815933a5b68dc3d17cebc");
    assert_eq!(message_digest("Hello, world"), hello);
    let two_bytes_each =
        b256!("0xbaf646e35e3d7864f70f67f7cdbd0f5857fe2c12eb040022e3521719b41de91d");
    assert_eq!(message_digest("Grüße"), two_bytes_each);
}

#[test]
fn a_signature_is_read_from_hex_digits_alone() {
    let read = |text: &str| WalletSignature::parse(text).map(|it| it.bytes().len());
    assert_eq!((read("0x"), read("0xAb12")), (Ok(0), Ok(2)));
    let longest = format!("0x{}", "00".repeat(WalletSignature::BYTES_MAX));
    assert_eq!(read(&longest), Ok(WalletSignature::BYTES_MAX));
    for wrong in ["", "ab12", "0xabc", "0xzz", "0x 12", "0x0x12", &format!("{longest}00")] {
        assert_eq!(read(wrong), Err(MalformedSignature), "{wrong:.20}");
    }
}

#[test]
fn an_account_without_code_signs_with_its_key() {
    let asked = inquiry(SIGNER, SIGNED);
    assert_eq!(asked.calls()[0], Call::Code(SIGNER));
    assert_eq!(asked.decide(&[outcome([]), outcome([])]), Ok(SignedBy::Key));
    let other = inquiry(DEPLOYED, SIGNED);
    assert_eq!(other.decide(&[outcome([]), outcome([])]), Err(NotSigned));
}

#[test]
fn a_contract_accepts_with_the_word_of_the_standard_and_nothing_else() {
    let asked = inquiry(DEPLOYED, SIGNED);
    let decide = |answer: CallOutcome| asked.decide(&[outcome([1]), answer]);
    assert_eq!(decide(outcome(abi::ACCEPTED)), Ok(SignedBy::Contract));
    let mut dirty = abi::ACCEPTED;
    dirty[31] = 1;
    let long = [&abi::ACCEPTED[..], &[0]].concat();
    let legacy = [&hex!("20c13b0b")[..], &[0; 28]].concat();
    for wrong in [vec![], abi::ACCEPTED[..4].to_vec(), abi::ACCEPTED[..31].to_vec(), dirty.into()]
        .into_iter()
        .chain([long, legacy, vec![0; 32], vec![0xff; 32], abi::word(1).into()])
    {
        assert_eq!(decide(outcome(wrong.clone())), Err(NotSigned), "{wrong:?}");
    }
    assert_eq!(decide(reverted()), Err(NotSigned));
}

/// Not even with the key that its address follows from, which no one has.
#[test]
fn a_contract_that_refuses_is_not_overruled_by_a_key() {
    let asked = inquiry(SIGNER, SIGNED);
    for answer in [reverted(), outcome([]), outcome([0; 32])] {
        assert_eq!(asked.decide(&[outcome([0x60, 0x00]), answer]), Err(NotSigned));
    }
}

#[test]
fn an_account_with_a_delegation_signs_by_its_key_or_by_its_contract() {
    let delegation = [&DELEGATION[..], &[0x11; 20]].concat();
    let decide =
        |account, code: &[u8], answer| inquiry(account, SIGNED).decide(&[outcome(code), answer]);
    for answer in [outcome(abi::ACCEPTED), reverted(), outcome([])] {
        assert_eq!(decide(SIGNER, &delegation, answer), Ok(SignedBy::Key));
    }
    let by_contract = decide(DEPLOYED, &delegation, outcome(abi::ACCEPTED));
    assert_eq!(by_contract, Ok(SignedBy::Contract));
    assert_eq!(decide(DEPLOYED, &delegation, reverted()), Err(NotSigned));
    // What only begins like a delegation is the code of a contract.
    let longer = [&delegation[..], &[0]].concat();
    assert_eq!(decide(SIGNER, &longer, reverted()), Err(NotSigned));
    assert_eq!(decide(SIGNER, &delegation[..22], reverted()), Err(NotSigned));
}

#[test]
fn a_contract_that_is_not_deployed_is_asked_in_a_simulation() {
    let asked = inquiry(DEPLOYED, &counterfactual(&[7; 32]));
    let [Call::Code(_), Call::Contract { to: Some(DEPLOYED), data: check }, simulation] =
        asked.calls()
    else {
        panic!("{:?}", asked.calls())
    };
    let digest = message_digest("Hello, world");
    assert_eq!(check[..], abi::is_valid_signature(digest, &[7; 32])[..]);
    let Call::Contract { to: None, data } = simulation else { panic!("{simulation}") };
    assert!(data.ends_with(check));
    let decide = |simulated| asked.decide(&[outcome([]), outcome([]), simulated]);
    assert_eq!(decide(outcome(abi::word(1))), Ok(SignedBy::Contract));
    for wrong in
        [outcome(abi::word(0)), outcome([]), outcome([1]), outcome(abi::word(2)), reverted()]
    {
        assert_eq!(decide(wrong), Err(NotSigned));
    }
}

#[test]
fn a_contract_that_was_deployed_meanwhile_answers_itself() {
    let asked = inquiry(DEPLOYED, &counterfactual(&[7; 32]));
    let decide = |code: &[u8], answer| asked.decide(&[outcome(code), answer, reverted()]);
    assert_eq!(decide(&[1], outcome(abi::ACCEPTED)), Ok(SignedBy::Contract));
    assert_eq!(decide(&[1], outcome([0; 32])), Err(NotSigned));
    // A precompiled contract has no code, and returns what it likes.
    assert_eq!(decide(&[], outcome(abi::ACCEPTED)), Err(NotSigned));
}

#[test]
fn a_key_does_not_sign_in_the_name_of_a_contract_that_is_not_deployed() {
    let bytes = hex::decode(SIGNED).unwrap();
    let factory = SIGNER.into_word();
    let words = [factory.0, abi::word(96), abi::word(128), abi::word(0), abi::word(65)];
    let marked = [&words.concat()[..], &bytes, &[0; 31], &hex!("6492").repeat(16)].concat();
    let asked = inquiry(SIGNER, &hex::encode_prefixed(marked));
    assert_eq!(asked.decide(&[outcome([]), outcome([]), outcome(abi::word(0))]), Err(NotSigned));
}

#[test]
fn a_signature_with_the_mark_and_no_parts_is_refused_without_a_question() {
    let signature = WalletSignature::parse(&format!("0x{}", "6492".repeat(16))).unwrap();
    assert_eq!(Inquiry::new(SIGNER, B256::ZERO, &signature).err(), Some(NotSigned));
}

#[test]
fn outcomes_that_are_missing_refuse() {
    let asked = inquiry(SIGNER, SIGNED);
    assert_eq!(asked.decide(&[]), Err(NotSigned));
    assert_eq!(asked.decide(&[reverted(), outcome([])]), Err(NotSigned));
}

//! The metadata that a token's contract returns.

use alloy_primitives::Address;

use super::symbol::symbol;
use super::view::{View, first_word};
use crate::error::ChainError;
use crate::ledger::TokenMetadata;
use crate::types::{Call, CallOutcome, Decimals};

pub(crate) const OPERATION: &str = View::Symbol.operation();

/// The number of calls that a token's metadata takes.
pub const METADATA_CALLS: usize = 3;

/// The calls that a token's metadata takes: code, decimals and symbol.
pub fn metadata_calls(token: Address) -> [Call; METADATA_CALLS] {
    [Call::Code(token), View::Decimals.of(token), View::Symbol.of(token)]
}

/// The metadata in the outcomes of [`metadata_calls`], with the decimals that are assumed for a
/// contract without.
///
/// `Persistent` for an address without code, and for decimals that are missing or above 77;
/// otherwise the error of the call that failed. A contract without a symbol has an empty one: it is
/// optional in ERC-20.
pub fn metadata(
    token: Address,
    outcomes: [Result<CallOutcome, ChainError>; METADATA_CALLS],
    assumed: Option<Decimals>,
) -> Result<TokenMetadata, ChainError> {
    let [code, decimals, symbol_text] = outcomes;
    let code = code?.map_err(|error| ChainError::persistent(OPERATION, error.to_string()))?;
    if code.is_empty() {
        return Err(no_code(OPERATION, token));
    }
    let symbol = symbol_text?.map_or_else(|_| String::new(), |answer| symbol(&answer));
    Ok(TokenMetadata { symbol, decimals: self::decimals(token, decimals?, assumed)? })
}

/// Those of the contract, or those assumed where it has none.
fn decimals(
    token: Address,
    outcome: CallOutcome,
    assumed: Option<Decimals>,
) -> Result<Decimals, ChainError> {
    let wrong = |what: String| {
        let detail = format!("{token} is no ERC-20 token that can be followed: {what}");
        ChainError::persistent(OPERATION, detail)
    };
    let none = |what: &str| {
        assumed.ok_or_else(|| wrong(format!("{what}: name them in its key `decimals`")))
    };
    // Only a contract without decimals gets the assumed ones: after a failure they could be wrong,
    // and every amount would be shown in another unit.
    let Ok(answer) = outcome else { return none("decimals() reverts") };
    let Some(decimals) = first_word(&answer) else {
        return none("decimals() is missing");
    };
    u8::try_from(decimals)
        .ok()
        .and_then(|decimals| Decimals::new(decimals).ok())
        .ok_or_else(|| wrong(format!("decimals() is {decimals}, the largest is 77")))
}

/// The error of a contract that is not there.
pub fn no_code(operation: &'static str, token: Address) -> ChainError {
    let detail = format!(
        "no contract code at {token} now: the address or the chain is wrong, or the contract has \
         destroyed itself"
    );
    ChainError::persistent(operation, detail)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, U256};

    use super::*;
    use crate::error::ChainErrorKind;
    use crate::ledger::erc20::{encode_number, encode_text};
    use crate::types::Reverted;

    const TOKEN: Address = Address::repeat_byte(0x33);

    type Outcome = Result<CallOutcome, ChainError>;

    fn code() -> Outcome {
        Ok(Ok(Bytes::from_static(&[0x60])))
    }

    fn number(number: U256) -> Outcome {
        Ok(Ok(encode_number(number)))
    }

    fn text(text: &str) -> Outcome {
        Ok(Ok(encode_text(text)))
    }

    fn reverted() -> Outcome {
        Ok(Err(Reverted("execution reverted".to_owned())))
    }

    fn unwell() -> Outcome {
        Err(ChainError::transient(OPERATION, "internal error"))
    }

    fn read(outcomes: [Outcome; METADATA_CALLS]) -> Result<(String, u8), (ChainErrorKind, String)> {
        let read = metadata(TOKEN, outcomes, None);
        read.map(|read| (read.symbol, read.decimals.get()))
            .map_err(|error| (error.kind(), error.to_string()))
    }

    #[test]
    fn symbol_and_decimals_are_the_contracts() {
        let six = || number(U256::from(6));
        assert_eq!(read([code(), six(), text("USDX")]), Ok(("USDX".to_owned(), 6)));
        assert_eq!(read([code(), six(), reverted()]), Ok((String::new(), 6)));
        assert_eq!(read([code(), number(U256::from(77)), text("")]), Ok((String::new(), 77)));
    }

    #[test]
    fn what_cannot_be_followed_is_persistent() {
        let cases = [
            ([Ok(Ok(Bytes::new())), unwell(), unwell()], "no contract code at"),
            ([code(), number(U256::from(78)), text("A")], "decimals() is 78"),
            ([code(), number(U256::MAX), text("A")], "the largest is 77"),
            ([code(), Ok(Ok(Bytes::new())), text("A")], "decimals() is missing"),
            ([code(), reverted(), text("A")], "decimals() reverts"),
        ];
        for (outcomes, expected) in cases {
            let (kind, text) = read(outcomes).unwrap_err();
            assert_eq!(kind, ChainErrorKind::Persistent, "{expected}");
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn a_node_that_fails_is_no_bad_token() {
        let six = || number(U256::from(6));
        for outcomes in
            [[unwell(), six(), text("A")], [code(), unwell(), text("A")], [code(), six(), unwell()]]
        {
            assert_eq!(read(outcomes).unwrap_err().0, ChainErrorKind::Transient);
        }
    }

    #[test]
    fn decimals_are_assumed_only_where_the_contract_has_none() {
        let assumed = Decimals::new(6).ok();
        let decimals = |answer| {
            let read = metadata(TOKEN, [code(), answer, text("A")], assumed);
            read.map(|read| read.decimals.get()).map_err(|error| error.kind())
        };
        assert_eq!(decimals(reverted()), Ok(6));
        assert_eq!(decimals(Ok(Ok(Bytes::new()))), Ok(6));
        assert_eq!(decimals(number(U256::from(9))), Ok(9));
        assert_eq!(decimals(unwell()), Err(ChainErrorKind::Transient));
        assert_eq!(decimals(number(U256::from(78))), Err(ChainErrorKind::Persistent));
    }
}

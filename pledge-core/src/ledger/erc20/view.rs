//! The view functions of ERC-20 that are read: calls out, answers in.

use alloy_primitives::{Address, Bytes, U256};

use crate::error::ChainError;
use crate::types::{Amount, BlockId, Call, CallOutcome};

/// A view function of ERC-20, with its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// `decimals()`, in how many decimals whole tokens are counted.
    Decimals,
    /// `symbol()`, a text or 32 bytes.
    Symbol,
    /// `totalSupply()`, in base units.
    TotalSupply,
    /// `balanceOf(address)`, in base units.
    BalanceOf(Address),
}

impl View {
    /// The call of a token's contract.
    pub fn of(self, token: Address) -> Call {
        Call::Contract { to: Some(token), data: self.encode() }
    }

    /// The selector, and the argument as one word.
    pub fn encode(self) -> Bytes {
        let mut data = self.selector().to_vec();
        if let Self::BalanceOf(account) = self {
            data.extend_from_slice(account.into_word().as_slice());
        }
        data.into()
    }

    /// The function in the data of a call; `None` if it is another one.
    pub fn decode(data: &[u8]) -> Option<Self> {
        let (selector, arguments) = data.split_at_checked(4)?;
        let account = || Some(Address::from_slice(arguments.get(12..32)?));
        let all = [Self::Decimals, Self::Symbol, Self::TotalSupply];
        let known = all.into_iter().find(|view| view.selector() == selector);
        let is_balance = Self::BalanceOf(Address::ZERO).selector() == selector;
        known.or_else(|| is_balance.then(account).flatten().map(Self::BalanceOf))
    }

    /// The contract and the function of a call; `None` if it calls none of ERC-20's.
    pub fn in_call(call: &Call) -> Option<(Address, Self)> {
        let Call::Contract { to: Some(token), data } = call else { return None };
        Self::decode(data).map(|view| (*token, view))
    }

    /// The amount that a token's contract returned for this function.
    ///
    /// `Persistent` if it reverted, or if it has no such function.
    pub fn amount(
        self,
        token: Address,
        at: BlockId,
        outcome: CallOutcome,
    ) -> Result<Amount, ChainError> {
        let function = self.name();
        let wrong = |detail| ChainError::persistent(self.operation(), detail);
        let answer = outcome
            .map_err(|error| wrong(format!("{function}() of {token} at block {at}: {error}")))?;
        first_word(&answer).map(Amount::new).ok_or_else(|| {
            let bytes = answer.len();
            wrong(format!(
                "{token} has no {function}() at block {at}: the answer has {bytes} bytes"
            ))
        })
    }

    /// The operation that an error names.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::Decimals | Self::Symbol => "read a token's metadata",
            Self::TotalSupply => "read the total supply",
            Self::BalanceOf(_) => "read balances",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Decimals => "decimals",
            Self::Symbol => "symbol",
            Self::TotalSupply => "totalSupply",
            Self::BalanceOf(_) => "balanceOf",
        }
    }

    /// The first four bytes of the signature's hash.
    const fn selector(self) -> [u8; 4] {
        match self {
            Self::Decimals => [0x31, 0x3c, 0xe5, 0x67],
            Self::Symbol => [0x95, 0xd8, 0x9b, 0x41],
            Self::TotalSupply => [0x18, 0x16, 0x0d, 0xdd],
            Self::BalanceOf(_) => [0x70, 0xa0, 0x82, 0x31],
        }
    }
}

/// The unsigned integer at the start of an answer: every width of a Solidity integer has 32 bytes.
pub(super) fn first_word(answer: &[u8]) -> Option<U256> {
    answer.first_chunk::<32>().map(|word| U256::from_be_bytes(*word))
}

/// A number as a contract returns it.
pub fn encode_number(number: U256) -> Bytes {
    number.to_be_bytes_vec().into()
}

/// A text as a contract returns it: its offset, its length, and its bytes in whole words.
pub fn encode_text(text: &str) -> Bytes {
    let [offset, length] = [32, text.len()].map(|number| U256::from(number).to_be_bytes::<32>());
    let mut bytes = [&offset, &length, text.as_bytes()].concat();
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, keccak256};

    use super::*;
    use crate::error::ChainErrorKind;
    use crate::types::{BlockNumber, Reverted};

    const TOKEN: Address = Address::repeat_byte(0x33);
    const HOLDER: Address = Address::repeat_byte(0x11);
    const AT: BlockId = BlockId { number: BlockNumber::new(5), hash: B256::ZERO };

    #[test]
    fn a_selector_is_the_hash_of_a_signature() {
        for (view, signature) in [
            (View::Decimals, "decimals()"),
            (View::Symbol, "symbol()"),
            (View::TotalSupply, "totalSupply()"),
            (View::BalanceOf(HOLDER), "balanceOf(address)"),
        ] {
            assert_eq!(view.encode()[..4], keccak256(signature)[..4], "{signature}");
            assert_eq!(View::in_call(&view.of(TOKEN)), Some((TOKEN, view)), "{signature}");
        }
    }

    #[test]
    fn an_address_is_a_padded_word() {
        let data = View::BalanceOf(HOLDER).encode();
        assert_eq!(data[4..16], [0; 12]);
        assert_eq!(data[16..], HOLDER.as_slice()[..]);
        assert_eq!(View::decode(&data[..35]), None, "an argument is missing");
        assert_eq!(View::decode(&[1, 2, 3, 4]), None);
        assert_eq!(View::decode(&[1, 2, 3]), None);
    }

    #[test]
    fn an_amount_is_the_first_word_of_an_answer() {
        let amount =
            |answer: &[u8]| View::TotalSupply.amount(TOKEN, AT, Ok(Bytes::copy_from_slice(answer)));
        assert_eq!(amount(&encode_number(U256::MAX)).unwrap(), Amount::MAX);
        assert_eq!(amount(&[[0; 32], [9; 32]].concat()).unwrap(), Amount::ZERO);
        for (answer, bytes) in [(&[][..], "0 bytes"), (&[1; 31], "31 bytes")] {
            let error = amount(answer).unwrap_err();
            assert_eq!(error.kind(), ChainErrorKind::Persistent);
            assert!(error.to_string().contains("has no totalSupply()"), "{error}");
            assert!(error.to_string().contains(bytes), "{error}");
        }
    }

    #[test]
    fn a_revert_is_persistent_and_names_the_function() {
        let reverted = Err(Reverted("execution reverted".to_owned()));
        let error = View::BalanceOf(HOLDER).amount(TOKEN, AT, reverted).unwrap_err();
        assert_eq!(error.kind(), ChainErrorKind::Persistent);
        let text =
            format!("read balances: balanceOf() of {TOKEN} at block {AT}: execution reverted");
        assert_eq!(error.to_string(), text);
    }
}

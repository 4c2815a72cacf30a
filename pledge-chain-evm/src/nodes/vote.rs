//! Whether a contradiction is a reorg or a node on a fork: the majority decides.

use alloy::primitives::B256;

use super::agreed::Contradiction;

/// One node's answer about the block at a height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ballot {
    /// It has this one.
    Block(B256),
    /// It has none yet.
    Abstains,
    /// It answered a moment ago, and does not answer now.
    Silent,
}

/// What a contradiction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The chain changed: the claim is right.
    Reorg,
    /// The node that claims it is on a fork.
    Fork,
    /// No majority for either.
    Undecided,
}

/// The verdict of the majority of those that do not abstain; the claimant's ballot is among them.
pub(super) fn count(dispute: &Contradiction, ballots: &[Ballot]) -> Verdict {
    // Silent nodes count against both sides: while they are away, the rest is no majority.
    let electorate = ballots.iter().filter(|ballot| **ballot != Ballot::Abstains).count();
    let votes = |hash| ballots.iter().filter(|ballot| **ballot == Ballot::Block(hash)).count();
    let is_majority = |hash| 2 * votes(hash) > electorate;
    if is_majority(dispute.claimed) {
        Verdict::Reorg
    } else if is_majority(dispute.shown) {
        Verdict::Fork
    } else {
        Verdict::Undecided
    }
}

/// The verdict when patience is over: the first that has one of the two blocks is followed. `ballots`
/// are in the order of preference.
pub(super) fn prefer(dispute: &Contradiction, ballots: &[Ballot]) -> Verdict {
    let verdict = |ballot: &Ballot| match ballot {
        Ballot::Block(hash) if *hash == dispute.claimed => Some(Verdict::Reorg),
        Ballot::Block(hash) if *hash == dispute.shown => Some(Verdict::Fork),
        _ => None,
    };
    ballots.iter().find_map(verdict).unwrap_or(Verdict::Undecided)
}

#[cfg(test)]
mod tests {
    use pledge_core::types::BlockNumber;

    use super::Ballot::{Abstains, Silent};
    use super::*;

    const OLD: Ballot = Ballot::Block(B256::repeat_byte(1));
    const NEW: Ballot = Ballot::Block(B256::repeat_byte(2));
    const THIRD: Ballot = Ballot::Block(B256::repeat_byte(3));
    const DISPUTE: Contradiction = Contradiction {
        number: BlockNumber::new(7),
        shown: B256::repeat_byte(1),
        claimed: B256::repeat_byte(2),
    };

    #[test]
    fn the_majority_decides() {
        let cases: [(&[Ballot], Verdict); 11] = [
            (&[NEW], Verdict::Reorg),
            (&[NEW, NEW], Verdict::Reorg),
            (&[NEW, OLD], Verdict::Undecided),
            (&[NEW, NEW, OLD], Verdict::Reorg),
            (&[NEW, OLD, OLD], Verdict::Fork),
            (&[NEW, Abstains], Verdict::Reorg),
            (&[NEW, Abstains, OLD], Verdict::Undecided),
            (&[NEW, Silent], Verdict::Undecided),
            (&[NEW, NEW, Silent], Verdict::Reorg),
            (&[NEW, OLD, OLD, Silent], Verdict::Undecided),
            (&[NEW, OLD, THIRD], Verdict::Undecided),
        ];
        for (ballots, verdict) in cases {
            assert_eq!(count(&DISPUTE, ballots), verdict, "{ballots:?}");
        }
    }

    #[test]
    fn when_patience_is_over_the_most_preferred_that_answers_decides() {
        assert_eq!(prefer(&DISPUTE, &[NEW, OLD]), Verdict::Reorg);
        assert_eq!(prefer(&DISPUTE, &[OLD, NEW]), Verdict::Fork);
        assert_eq!(prefer(&DISPUTE, &[Silent, Abstains, THIRD, NEW]), Verdict::Reorg);
        assert_eq!(prefer(&DISPUTE, &[Silent, THIRD]), Verdict::Undecided);
    }
}

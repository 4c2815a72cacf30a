//! Laws of [`Claims`](pledge_office::base::Claims).

use std::fmt::Debug;
use std::time::Duration;

use pledge_core::error::{StoreError, StoreErrorKind};
use pledge_core::sharing::InstanceId;
use pledge_office::base::{Claim, ClaimName, Fence};

use crate::OfficeFixture;

laws! {
    __claims of claims(OfficeFixture):
    a_claim_that_nobody_has_is_taken
    a_claim_that_is_held_is_not_taken_by_another
    an_instance_takes_its_own_claim_again_and_loses_the_first
    a_claim_that_is_over_is_taken_by_another
    of_instances_that_take_a_claim_at_once_one_gets_it
    fences_ascend_over_names_and_releases
    a_renewal_moves_the_end_and_keeps_the_fence
    a_claim_that_is_over_is_not_renewed
    a_claim_that_another_took_is_not_renewed
    a_released_claim_is_no_ones
    a_late_release_ends_no_claim_of_another
    a_claim_of_another_instance_under_its_number_allows_nothing
    a_claim_that_is_taken_while_it_is_released_is_held
    a_clock_that_is_set_forward_ends_claims
    a_clock_that_is_set_back_keeps_no_claim_for_longer_than_the_longest
    claims_of_other_names_are_not_seen
    a_length_that_no_claim_has_is_refused
}

pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const ONE: InstanceId = InstanceId::new(1);
pub(super) const TWO: InstanceId = InstanceId::new(u128::MAX);

pub(super) fn name(name: &str) -> ClaimName {
    ClaimName::new(name).expect("a name of a test")
}

pub(super) fn kind<T: Debug>(refused: Result<T, StoreError>) -> StoreErrorKind {
    refused.expect_err("the store must refuse").kind()
}

impl OfficeFixture {
    /// Takes a claim for some minutes, if it can be taken.
    pub(super) async fn take(&self, of: &str, by: InstanceId, minutes: u32) -> Option<Claim> {
        self.claims.take(&name(of), by, MINUTE * minutes).await.expect("take a claim")
    }

    async fn holder(&self, of: &str) -> Option<Claim> {
        self.claims.holder(&name(of)).await.expect("read a claim")
    }
}

/// It is held from then on, as it was returned.
async fn a_claim_that_nobody_has_is_taken(office: OfficeFixture) {
    assert_eq!(office.holder("prices:PLGR").await, None);
    let claim = office.take("prices:PLGR", ONE, 5).await.expect("it is free");
    assert_eq!((&claim.name, claim.instance), (&name("prices:PLGR"), ONE));
    assert!(claim.fence > Fence::new(0));
    assert_eq!(office.holder("prices:PLGR").await, Some(claim));
}

/// Nothing changes by the attempt.
async fn a_claim_that_is_held_is_not_taken_by_another(office: OfficeFixture) {
    let claim = office.take("a", ONE, 5).await.expect("it is free");
    for _ in 0..2 {
        assert_eq!(office.take("a", TWO, 5).await, None);
    }
    assert_eq!(office.holder("a").await, Some(claim.clone()));
    office.claims.renew(&claim, MINUTE).await.expect("it is held");
}

/// The answer to the first taking may have been lost. The first claim allows no write any more.
async fn an_instance_takes_its_own_claim_again_and_loses_the_first(office: OfficeFixture) {
    let first = office.take("a", ONE, 5).await.expect("it is free");
    let second = office.take("a", ONE, 5).await.expect("it is its own");
    assert!(second.fence > first.fence);
    assert_eq!(kind(office.claims.renew(&first, MINUTE).await), StoreErrorKind::Conflict);
    assert_eq!(office.holder("a").await, Some(second));
}

/// The end is the first instant at which it is over.
async fn a_claim_that_is_over_is_taken_by_another(office: OfficeFixture) {
    let first = office.take("a", ONE, 5).await.expect("it is free");
    office.advance(MINUTE * 4);
    assert_eq!(office.take("a", TWO, 5).await, None);
    office.advance(MINUTE);
    assert_eq!(office.holder("a").await, None);
    let second = office.take("a", TWO, 5).await.expect("it is over");
    assert!(second.fence > first.fence);
    assert_eq!(office.take("a", ONE, 5).await, None);
}

/// Each round ends with one holder, and its fence is new.
async fn of_instances_that_take_a_claim_at_once_one_gets_it(office: OfficeFixture) {
    let mut before = Fence::new(0);
    for _ in 0..8 {
        let take = async |by| loop {
            match office.claims.take(&name("a"), InstanceId::new(by), MINUTE).await {
                Ok(taken) => return taken,
                // A server may take back one of two writers that wait for each other.
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        };
        let (a, b, c, d) = tokio::join!(take(1), take(2), take(3), take(4));
        let taken: Vec<_> = [a, b, c, d].into_iter().flatten().collect();
        let [claim] = &taken[..] else { panic!("one gets it: {taken:?}") };
        assert_eq!(office.holder("a").await.as_ref(), Some(claim));
        assert!(claim.fence > before);
        before = claim.fence;
        office.advance(HOUR);
    }
}

/// Every taking has a greater one than all before it, also where no claim is left.
async fn fences_ascend_over_names_and_releases(office: OfficeFixture) {
    let mut fences = Vec::new();
    for round in 0..3 {
        for of in ["a", "b"] {
            let claim = office.take(of, ONE, 5).await.expect("it is free or its own");
            fences.push(claim.fence);
            if round == 1 {
                office.claims.release(&claim).await.expect("release");
            }
        }
    }
    assert!(fences.is_sorted_by(|lower, upper| lower < upper), "{fences:?}");
}

/// Also to an earlier end.
async fn a_renewal_moves_the_end_and_keeps_the_fence(office: OfficeFixture) {
    let claim = office.take("a", ONE, 5).await.expect("it is free");
    office.advance(MINUTE * 4);
    let renewed = office.claims.renew(&claim, MINUTE * 5).await.expect("it is held");
    assert!(renewed.until > claim.until);
    assert_eq!(renewed, Claim { until: renewed.until, ..claim.clone() });
    office.advance(MINUTE * 4);
    assert_eq!(office.holder("a").await.as_ref(), Some(&renewed));
    // What the holder remembers of the end decides nothing.
    let shorter = office.claims.renew(&claim, MINUTE).await.expect("it is held");
    office.advance(MINUTE);
    assert!(office.take("a", TWO, 5).await.expect("it is over").fence > shorter.fence);
}

/// Though no other has taken it.
async fn a_claim_that_is_over_is_not_renewed(office: OfficeFixture) {
    let claim = office.take("a", ONE, 5).await.expect("it is free");
    office.advance(MINUTE * 5);
    assert_eq!(kind(office.claims.renew(&claim, MINUTE * 5).await), StoreErrorKind::Conflict);
    assert_eq!(office.holder("a").await, None);
}

/// Nor does the attempt change the other's.
async fn a_claim_that_another_took_is_not_renewed(office: OfficeFixture) {
    let first = office.take("a", ONE, 5).await.expect("it is free");
    office.advance(HOUR);
    let second = office.take("a", TWO, 5).await.expect("it is over");
    assert_eq!(kind(office.claims.renew(&first, MINUTE * 9).await), StoreErrorKind::Conflict);
    assert_eq!(office.holder("a").await, Some(second));
}

/// Another need not wait for its end, and a release that is repeated is no error.
async fn a_released_claim_is_no_ones(office: OfficeFixture) {
    let claim = office.take("a", ONE, 5).await.expect("it is free");
    for _ in 0..2 {
        office.claims.release(&claim).await.expect("release");
        assert_eq!(office.holder("a").await, None);
    }
    assert_eq!(kind(office.claims.renew(&claim, MINUTE).await), StoreErrorKind::Conflict);
    assert!(office.take("a", TWO, 5).await.is_some());
}

/// The holder of before does not know that it was taken over.
async fn a_late_release_ends_no_claim_of_another(office: OfficeFixture) {
    let first = office.take("a", ONE, 5).await.expect("it is free");
    office.advance(HOUR);
    let second = office.take("a", TWO, 5).await.expect("it is over");
    office.claims.release(&first).await.expect("no error");
    assert_eq!(office.holder("a").await, Some(second));
}

/// Such as one that was put together wrongly: neither its renewal nor its release changes the real one.
async fn a_claim_of_another_instance_under_its_number_allows_nothing(office: OfficeFixture) {
    let claim = office.take("a", ONE, 5).await.expect("it is free");
    let other = Claim { instance: TWO, ..claim.clone() };
    assert_eq!(kind(office.claims.renew(&other, MINUTE).await), StoreErrorKind::Conflict);
    office.claims.release(&other).await.expect("no error");
    assert_eq!(office.holder("a").await, Some(claim));
}

/// In each round one instance releases it and another takes it, in either order.
async fn a_claim_that_is_taken_while_it_is_released_is_held(office: OfficeFixture) {
    let mut held = office.take("a", InstanceId::new(1), 5).await.expect("it is free");
    for by in 2..30 {
        let take = async || loop {
            match office.claims.take(&name("a"), InstanceId::new(by), MINUTE * 5).await {
                Ok(taken) => return taken,
                // A server may take back one of two writers that wait for each other.
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        };
        let (released, taken) = tokio::join!(office.claims.release(&held), take());
        released.expect("release");
        assert_eq!(office.holder("a").await, taken, "round {by}");
        held = match taken {
            Some(taken) => taken,
            None => take().await.expect("it was released"),
        };
    }
}

/// The holder is refused, though little time has passed for it.
async fn a_clock_that_is_set_forward_ends_claims(office: OfficeFixture) {
    let claim = office.take("a", ONE, 10).await.expect("it is free");
    office.advance(HOUR * 24 * 365);
    assert_eq!(kind(office.claims.renew(&claim, MINUTE).await), StoreErrorKind::Conflict);
    assert!(office.take("a", TWO, 5).await.is_some());
}

/// A claim that would last for longer than any is taken for is free; a shorter jump costs no more than the
/// longest claim.
async fn a_clock_that_is_set_back_keeps_no_claim_for_longer_than_the_longest(
    office: OfficeFixture,
) {
    office.take("far", ONE, 10).await.expect("it is free");
    office.take("near", ONE, 1).await.expect("it is free");
    office.set_back(MINUTE * 5);
    assert!(office.take("far", TWO, 5).await.is_some());
    assert_eq!(office.take("near", TWO, 5).await, None);
    office.advance(Claim::LASTS_MAX);
    assert!(office.take("near", TWO, 5).await.is_some());
}

/// Names are compared by their bytes.
async fn claims_of_other_names_are_not_seen(office: OfficeFixture) {
    let names = ["prices:PLGR", "prices:plgr", "prices:PLG", &"n".repeat(96)];
    for (of, by) in names.into_iter().zip(1..) {
        let claim = office.take(of, InstanceId::new(by), 5).await.expect("it is free");
        assert_eq!(office.holder(of).await, Some(claim));
    }
    for (of, by) in names.into_iter().zip(1..) {
        assert_eq!(office.holder(of).await.map(|held| held.instance), Some(InstanceId::new(by)));
    }
}

/// Nothing is held afterwards that was not before.
async fn a_length_that_no_claim_has_is_refused(office: OfficeFixture) {
    let too_long = Claim::LASTS_MAX + Duration::from_millis(1);
    for lasts in [Duration::ZERO, too_long, Duration::MAX] {
        let taken = office.claims.take(&name("a"), ONE, lasts).await;
        assert_eq!(kind(taken), StoreErrorKind::Invalid, "{lasts:?}");
    }
    assert_eq!(office.holder("a").await, None);
    let claim = office.take("a", ONE, 10).await.expect("the longest is taken");
    for lasts in [Duration::ZERO, too_long] {
        assert_eq!(kind(office.claims.renew(&claim, lasts).await), StoreErrorKind::Invalid);
    }
    assert_eq!(office.holder("a").await, Some(claim));
}

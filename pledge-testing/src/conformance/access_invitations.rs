//! Laws of [`InvitationStore`](pledge_office::access::InvitationStore), and of registration
//! ([`UserWrites`](pledge_office::access::UserWrites)).

use std::time::Duration;

use pledge_core::error::StoreErrorKind;
use pledge_office::access::{
    By, Invitation, InvitationEnd, InvitationId, NewInvitation, Note, Permission, Position,
    Refused, TokenHash,
};

use super::access::{
    actions, again, attribution, by, by_key, everywhere, failed, hash, key_id, keyed, machine,
    made, new_user, records, refused, role, role_name, user_id, with_managers,
};
use crate::OfficeFixture;

laws! {
    __access_invitations of access_invitations(OfficeFixture):
    who_registers_is_a_member
    an_invitation_gives_its_roles
    an_invitation_is_used_once
    of_two_that_use_an_invitation_at_once_one_gets_it
    an_invitation_that_makes_no_user_stays_open
    an_invitation_that_is_over_makes_no_user
    a_withdrawn_invitation_makes_no_user
    a_code_that_is_none_makes_no_user
    an_invitation_of_one_who_may_give_its_roles_no_longer_is_over
    inviting_needs_the_permission
    an_invitation_gives_no_role_that_the_actor_lacks
    an_invitation_to_a_role_that_is_missing_is_refused
    an_invitation_of_a_key_uses_the_right_of_its_owner
    an_invitation_is_open_for_some_time_and_not_for_ever
    an_invitation_that_is_there_is_a_conflict
    invitations_are_paged_the_newest_first
    each_act_on_an_invitation_leaves_one_record
}

const DAY: Duration = Duration::from_secs(86_400);

fn code(number: u8) -> TokenHash {
    hash(&format!("code {number}"))
}

fn new_invitation(number: u8, role: &str) -> NewInvitation {
    NewInvitation {
        id: InvitationId::from_bytes([number; 16]),
        hash: code(number),
        grants: everywhere(role),
        lasts: DAY,
        note: Some(Note::new("for the night shift").expect("a note of a test")),
    }
}

async fn invited(office: &OfficeFixture, number: u8, role: &str, by: &By) -> Invitation {
    office.access.invite(&new_invitation(number, role), by).await.expect("invite")
}

async fn registered(
    office: &OfficeFixture,
    number: u8,
    code: Option<&TokenHash>,
) -> Result<pledge_office::access::User, pledge_office::access::AccessError> {
    let name = format!("user{number}");
    let new = new_user(number, &name);
    office.access.register_user(&new, code, &attribution(&name)).await
}

async fn who_registers_is_a_member(office: OfficeFixture) {
    let user = registered(&office, 1, None).await.expect("register");
    assert_eq!(user.grants, everywhere("member"));
    let records = records(&office).await;
    assert_eq!(records[0].act.action.to_string(), "register_user");
    assert_eq!(records[0].by, attribution("user1"));
}

async fn an_invitation_gives_its_roles(office: OfficeFixture) {
    let invitation = invited(&office, 1, "operator", &machine()).await;
    assert_eq!((invitation.end, invitation.by), (None, None));
    let user = registered(&office, 1, Some(&code(1))).await.expect("register");
    assert_eq!(user.grants, everywhere("operator"));
    let all = office.access.invitations(None, 10).await.expect("read");
    let end = Some(InvitationEnd::Used { at: user.created, user: user.id });
    assert_eq!(all, [Invitation { end, ..invitation }]);
}

async fn an_invitation_is_used_once(office: OfficeFixture) {
    invited(&office, 1, "viewer", &machine()).await;
    registered(&office, 1, Some(&code(1))).await.expect("register");
    let again = registered(&office, 2, Some(&code(1))).await;
    assert_eq!(refused(again), Refused::InvitationOver);
}

async fn of_two_that_use_an_invitation_at_once_one_gets_it(office: OfficeFixture) {
    for round in 0..6u8 {
        invited(&office, round + 1, "viewer", &machine()).await;
        let code = code(round + 1);
        let register =
            async |number| again(async || registered(&office, number, Some(&code)).await).await;
        let (one, two) = tokio::join!(register(2 * round + 1), register(2 * round + 2));
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(refused(lost), Refused::InvitationOver);
        won.expect("one of them gets it");
    }
}

/// Whatever the reason is for which there is no user.
async fn an_invitation_that_makes_no_user_stays_open(office: OfficeFixture) {
    made(&office, 9, "user1", "member").await;
    invited(&office, 1, "viewer", &machine()).await;
    let taken = registered(&office, 1, Some(&code(1))).await;
    assert_eq!(refused(taken), Refused::NameTaken);
    registered(&office, 2, Some(&code(1))).await.expect("it is open");
}

async fn an_invitation_that_is_over_makes_no_user(office: OfficeFixture) {
    invited(&office, 1, "viewer", &machine()).await;
    office.advance(DAY);
    let late = registered(&office, 1, Some(&code(1))).await;
    assert_eq!(refused(late), Refused::InvitationOver);
    assert_eq!(office.access.user(user_id(1)).await.expect("read"), None);
}

/// Withdrawn again, it keeps its end.
async fn a_withdrawn_invitation_makes_no_user(office: OfficeFixture) {
    let id = invited(&office, 1, "viewer", &machine()).await.id;
    let revoked = office.access.revoke_invitation(id, &machine()).await.expect("revoke");
    assert!(matches!(revoked.end, Some(InvitationEnd::Revoked { .. })), "{revoked:?}");
    office.advance(Duration::from_secs(5));
    let again = office.access.revoke_invitation(id, &machine()).await.expect("again");
    assert_eq!(again, revoked);
    let late = registered(&office, 1, Some(&code(1))).await;
    assert_eq!(refused(late), Refused::InvitationOver);
}

async fn a_code_that_is_none_makes_no_user(office: OfficeFixture) {
    let none = registered(&office, 1, Some(&code(7))).await;
    assert_eq!(refused(none), Refused::InvitationOver);
    let id = InvitationId::from_bytes([7; 16]);
    let revoked = office.access.revoke_invitation(id, &machine()).await;
    assert_eq!(refused(revoked), Refused::NoInvitation);
}

/// It is judged when it is used: what lets a user in decides then.
async fn an_invitation_of_one_who_may_give_its_roles_no_longer_is_over(office: OfficeFixture) {
    with_managers(&office).await;
    made(&office, 1, "admin", "admin").await;
    for (number, name) in [(2, "manager2"), (3, "manager3"), (4, "manager4")] {
        made(&office, number, name, "manager").await;
        let invitation = invited(&office, number, "viewer", &by(user_id(number))).await;
        assert_eq!(invitation.by, Some(user_id(number)));
    }
    office.access.ban_user(user_id(2), &machine()).await.expect("ban");
    let viewer = everywhere("viewer");
    office.access.change_grants(user_id(3), &viewer, &machine()).await.expect("demote");
    for number in [2, 3] {
        let registered = registered(&office, 10 + number, Some(&code(number))).await;
        assert_eq!(refused(registered), Refused::InvitationOver, "{number}");
    }
    registered(&office, 14, Some(&code(4))).await.expect("the manager may give it");
}

async fn inviting_needs_the_permission(office: OfficeFixture) {
    made(&office, 1, "operator", "operator").await;
    let invitation = invited(&office, 9, "viewer", &machine()).await;
    let by = by(user_id(1));
    let expected = Refused::NotAllowed(Permission::ChangeUsers);
    let invite = office.access.invite(&new_invitation(1, "member"), &by).await;
    assert_eq!(refused(invite), expected);
    let revoke = office.access.revoke_invitation(invitation.id, &by).await;
    assert_eq!(refused(revoke), expected);
}

async fn an_invitation_gives_no_role_that_the_actor_lacks(office: OfficeFixture) {
    with_managers(&office).await;
    made(&office, 1, "manager", "manager").await;
    let invite = office.access.invite(&new_invitation(1, "admin"), &by(user_id(1))).await;
    assert_eq!(refused(invite), Refused::Gives(Permission::PauseChains));
    assert_eq!(office.access.invitations(None, 10).await.expect("read"), []);
}

async fn an_invitation_to_a_role_that_is_missing_is_refused(office: OfficeFixture) {
    let invite = office.access.invite(&new_invitation(1, "auditor"), &machine()).await;
    assert_eq!(refused(invite), Refused::NoRole(role_name("auditor")));
}

async fn an_invitation_of_a_key_uses_the_right_of_its_owner(office: OfficeFixture) {
    made(&office, 1, "admin", "admin").await;
    let inviter = role("inviter", &[Permission::ChangeUsers, Permission::ReadAll]);
    office.access.add_role(&inviter, &machine()).await.expect("add");
    keyed(&office, 1, user_id(1), everywhere("inviter")).await;
    let invite = office.access.invite(&new_invitation(1, "operator"), &by_key(key_id(1))).await;
    assert_eq!(refused(invite), Refused::Gives(Permission::PauseChains));
    let invitation = invited(&office, 1, "viewer", &by_key(key_id(1))).await;
    assert_eq!(invitation.by, Some(user_id(1)));
}

async fn an_invitation_is_open_for_some_time_and_not_for_ever(office: OfficeFixture) {
    let invite = async |lasts| {
        let new = NewInvitation { lasts, ..new_invitation(1, "viewer") };
        office.access.invite(&new, &machine()).await
    };
    let most = Invitation::LASTS_MAX;
    for lasts in [Duration::ZERO, most + Duration::from_millis(1), Duration::MAX] {
        assert_eq!(failed(invite(lasts).await), StoreErrorKind::Invalid, "{lasts:?}");
    }
    let invitation = invite(most).await.expect("the longest");
    assert_eq!(invitation.created.checked_add(most), Some(invitation.until));
}

async fn an_invitation_that_is_there_is_a_conflict(office: OfficeFixture) {
    invited(&office, 1, "viewer", &machine()).await;
    let same_id = NewInvitation { hash: code(2), ..new_invitation(1, "viewer") };
    let same_code = NewInvitation { hash: code(1), ..new_invitation(2, "viewer") };
    for new in [same_id, same_code] {
        let again = office.access.invite(&new, &machine()).await;
        assert_eq!(failed(again), StoreErrorKind::Conflict);
    }
}

async fn invitations_are_paged_the_newest_first(office: OfficeFixture) {
    for number in [3, 1, 4, 2, 5] {
        invited(&office, number, "viewer", &machine()).await;
        office.advance(Duration::from_secs(1));
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = office.access.invitations(after, 2).await.expect("read");
        let Some(last) = page.last() else { break };
        after = Some(Position { at: last.created, id: last.id });
        all.extend(page.iter().map(|invitation| invitation.id.to_bytes()[0]));
    }
    assert_eq!(all, [5, 2, 4, 1, 3]);
}

/// Without the hash of its code.
async fn each_act_on_an_invitation_leaves_one_record(office: OfficeFixture) {
    let id = invited(&office, 1, "viewer", &machine()).await.id;
    for _ in 0..2 {
        office.access.revoke_invitation(id, &machine()).await.expect("revoke");
    }
    assert_eq!(actions(&office).await, ["invite", "revoke_invitation"]);
    let records = records(&office).await;
    assert_eq!(records[0].act.object.to_string(), format!("invitation:{id}"));
    let text = serde_json::to_string(&records).expect("records are JSON");
    let hash: String = code(1).0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!text.contains(&hash), "{text}");
}

//! The tables of the office, for tests that take a schema back to a day without it.

/// Every table that the migrations of the office make. A build without the feature `office` has none of them.
pub const OFFICE_TABLES: [&str; 17] = [
    "claim",
    "claim_fence",
    "outbox_message",
    "outbox_attempt",
    "access_lock",
    "access_user",
    "access_wallet",
    "access_grant",
    "access_role",
    "access_session",
    "access_token",
    "access_key",
    "access_invitation",
    "access_nonce",
    "access_ticket",
    "access_failure",
    "access_request",
];

//! The answers of sign-in, operators and admins.
#![expect(missing_docs, reason = "the API's document explains every field by the same name")]

use pledge_core::primitives::{Address, B256};
use pledge_core::types::{BlockNumber, ChainId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::answers::answers;

answers! {
    /// What makes the message of a wallet one of its kind.
    Nonce {
        nonce: String,
        expires_in: u64,
    }

    /// The tokens of a sign-in.
    Tokens {
        access_token: Secret,
        refresh_token: Secret,
        token_type: String,
        expires_in: u64,
        role: Option<String>,
    }

    /// What opens one stream, once.
    Ticket {
        ticket: Secret,
        expires_in: u64,
    }

    /// Who asks, and what it may do.
    Me {
        user: User,
        session: Option<String>,
        api_key: Option<String>,
        permissions: Vec<String>,
    }

    /// A sign-in of the caller.
    Session {
        id: String,
        current: bool,
        signed_in_by: String,
        signed_in: u64,
        refreshed: u64,
        until: u64,
        address: Option<String>,
        user_agent: Option<String>,
    }

    /// How many sign-ins were ended.
    EndedSessions {
        ended: u64,
    }

    /// A user.
    User {
        id: String,
        name: Option<String>,
        display_name: Option<String>,
        language: Option<String>,
        time_zone: Option<String>,
        created: u64,
        has_password: bool,
        wallets: Vec<Wallet>,
        grants: Vec<Grant>,
        banned: Option<u64>,
        ban_reason: Option<String>,
        removed: Option<u64>,
    }

    /// What signs for a user.
    Wallet {
        address: Address,
        chain_id: Option<ChainId>,
    }

    /// A role, and where it is valid: everywhere, if it names neither chains nor tokens.
    Grant {
        role: String,
        chains: Option<Vec<ChainId>>,
        tokens: Option<Vec<String>>,
    }

    /// A chain that was paused or resumed.
    ChangedChain {
        chain_id: ChainId,
        name: String,
        before: String,
        status: String,
        reason_code: Option<String>,
    }

    /// A token that was paused or resumed.
    ChangedToken {
        chain_id: ChainId,
        token: Address,
        before: String,
        status: String,
        reason_code: Option<String>,
    }

    /// What a rewind would take back.
    RewindPlan {
        chain_id: ChainId,
        to_block: BlockNumber,
        digest: B256,
        tokens: Vec<PlannedToken>,
        contracts: Vec<PlannedContract>,
    }

    /// A token whose ledger would go back.
    PlannedToken {
        token: Address,
        symbol: String,
        from_block: BlockNumber,
        from_time: Timestamp,
    }

    /// A contract whose logs would be removed.
    PlannedContract {
        name: String,
        from_block: BlockNumber,
        from_time: Timestamp,
    }

    /// A chain that went back.
    RewoundChain {
        chain_id: ChainId,
        to_block: BlockNumber,
        to_time: Timestamp,
        tokens: u64,
        contracts: u64,
        changes_removed: u64,
        statements_reversed: u64,
        logs_removed: u64,
    }

    /// A rewind that goes on after its request.
    RunningRewind {
        chain_id: ChainId,
        to_block: BlockNumber,
        since: Timestamp,
        idempotency_key: String,
        audit_action: String,
        audit_object: String,
    }

    /// A settlement whose failed batches are tried again.
    RetriedSettlement {
        id: String,
        batches: u64,
    }

    /// An invitation.
    Invitation {
        id: String,
        grants: Vec<Grant>,
        note: Option<String>,
        by: Option<String>,
        created: u64,
        until: u64,
        used_by: Option<String>,
        ended: Option<u64>,
    }

    /// An invitation that was made. Its code is in the first answer alone.
    NewInvitation {
        #[serde(flatten)]
        invitation: Invitation,
        code: Option<Secret>,
    }

    /// A named set of permissions.
    Role {
        role: String,
        permissions: Vec<String>,
        built_in: bool,
    }

    /// A role that is gone.
    RemovedRole {
        role: String,
    }

    /// The key of a program.
    ApiKey {
        id: String,
        prefix: String,
        name: String,
        owner: String,
        grants: Vec<Grant>,
        created: u64,
        until: Option<u64>,
        last_used: Option<u64>,
        revoked: Option<u64>,
    }

    /// A key that was made. What its program shows is in the first answer alone.
    NewApiKey {
        #[serde(flatten)]
        key: ApiKey,
        secret: Option<Secret>,
    }

    /// What one person or program did, once.
    AuditRecord {
        number: u64,
        at: Timestamp,
        actor: String,
        action: String,
        object: String,
        reason: Option<String>,
        request_id: Option<String>,
        address: Option<String>,
        before: Option<serde_json::Value>,
        after: Option<serde_json::Value>,
    }
}

impl Grant {
    /// A role everywhere.
    pub fn everywhere(role: impl Into<String>) -> Self {
        Self { role: role.into(), chains: None, tokens: None }
    }
}

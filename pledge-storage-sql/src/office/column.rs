//! The columns of the office's values.

use pledge_core::primitives::B128;
use pledge_core::sharing::InstanceId;
use pledge_office::access::{
    ApiKeyId, DisplayName, FailureKey, InvitationId, KeyName, KeyPrefix, LanguageTag, Note,
    PasswordHash, RoleName, SessionId, TimeZoneName, TokenHash, UserId, UserName,
};
use pledge_office::base::{ChannelName, ClaimName, Fence, MessageId, StoreTime};

use crate::column::{Column, Malformed, byte_columns, number_columns, text_columns};
use crate::connection::{Row, Value};
use crate::fault::Fault;

number_columns! {
    StoreTime: StoreTime::get, |n| Ok(StoreTime::new(n)?);
    Fence: Fence::get, |n| Ok(Fence::new(n));
}

byte_columns! {
    InstanceId: |id: InstanceId| id.get().to_be_bytes(),
        |bytes: [u8; 16]| Ok(InstanceId::new(u128::from_be_bytes(bytes)));
    MessageId: MessageId::to_bytes, |bytes: [u8; 16]| Ok(MessageId::from_bytes(bytes));
    B128: |bytes: B128| bytes.0, |bytes: [u8; 16]| Ok(B128::from(bytes));
    UserId: UserId::to_bytes, |bytes: [u8; 16]| Ok(UserId::from_bytes(bytes));
    SessionId: SessionId::to_bytes, |bytes: [u8; 16]| Ok(SessionId::from_bytes(bytes));
    ApiKeyId: ApiKeyId::to_bytes, |bytes: [u8; 16]| Ok(ApiKeyId::from_bytes(bytes));
    InvitationId: InvitationId::to_bytes, |bytes: [u8; 16]| Ok(InvitationId::from_bytes(bytes));
    TokenHash: |hash: TokenHash| hash.0, |bytes: [u8; 32]| Ok(TokenHash(bytes));
    FailureKey: FailureKey::to_bytes, |bytes: [u8; 32]| Ok(FailureKey::from_bytes(bytes));
}

text_columns! {
    ChannelName: |text| Ok(Self::new(text)?);
    ClaimName: |text| Ok(Self::new(text)?);
    UserName: |text| Ok(Self::new(text)?);
    DisplayName: |text| Ok(Self::new(text)?);
    LanguageTag: |text| Ok(Self::new(text)?);
    TimeZoneName: |text| Ok(Self::new(text)?);
    PasswordHash: |text| Ok(Self::new(text)?);
    RoleName: |text| Ok(Self::new(text)?);
    KeyName: |text| Ok(Self::new(text)?);
    KeyPrefix: |text| Ok(Self::new(text)?);
    Note: |text| Ok(Self::new(text)?);
}

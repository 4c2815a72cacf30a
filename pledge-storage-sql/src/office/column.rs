//! The columns of the office's values.

use pledge_core::sharing::InstanceId;
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
}

text_columns! {
    ChannelName: |text| Ok(Self::new(text)?);
    ClaimName: |text| Ok(Self::new(text)?);
}

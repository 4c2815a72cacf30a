//! The ports of what every domain shares.

use std::time::Duration;

use async_trait::async_trait;
use pledge_core::error::StoreError;
use pledge_core::sharing::InstanceId;
use pledge_office::base::{
    Attempt, AttemptEnd, BegunAttempt, ChannelName, Claim, ClaimName, Claims, Message, MessageId,
    MessageState, Outbox, RetrySchedule,
};

use super::{claims, outbox};
use crate::database::Database;
use crate::store::SqlStore;

#[async_trait]
impl<D: Database> Claims for SqlStore<D> {
    async fn take(
        &self,
        name: &ClaimName,
        instance: InstanceId,
        lasts: Duration,
    ) -> Result<Option<Claim>, StoreError> {
        let mut unit = self.write("take a claim").await?;
        let taken = claims::take(unit.db(), name, instance, lasts).await;
        unit.finish(taken).await
    }

    async fn renew(&self, claim: &Claim, lasts: Duration) -> Result<Claim, StoreError> {
        let mut unit = self.write("renew a claim").await?;
        let renewed = claims::renew(unit.db(), claim, lasts).await;
        unit.finish(renewed).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let mut unit = self.write("release a claim").await?;
        let released = claims::release(unit.db(), claim).await;
        unit.finish(released).await
    }

    async fn holder(&self, name: &ClaimName) -> Result<Option<Claim>, StoreError> {
        let mut unit = self.read("read a claim").await?;
        let read = claims::holder(unit.db(), name).await;
        unit.finish(read).await
    }
}

#[async_trait]
impl<D: Database> Outbox for SqlStore<D> {
    async fn enqueue(&self, messages: &[Message]) -> Result<(), StoreError> {
        let mut unit = self.write("enqueue messages").await?;
        let added = outbox::append(unit.db(), messages).await;
        unit.finish(added).await
    }

    async fn due(
        &self,
        channel: &ChannelName,
        limit: usize,
    ) -> Result<Vec<MessageState>, StoreError> {
        let mut unit = self.read("read due messages").await?;
        let read = outbox::due(unit.db(), channel, limit).await;
        unit.finish(read).await
    }

    async fn begin_attempt(
        &self,
        claim: &Claim,
        id: MessageId,
        retry: &RetrySchedule,
    ) -> Result<Option<BegunAttempt>, StoreError> {
        let mut unit = self.write("begin to send a message").await?;
        let begun = outbox::begin_attempt(unit.db(), claim, id, retry).await;
        unit.finish(begun).await
    }

    async fn end_attempt(
        &self,
        claim: &Claim,
        id: MessageId,
        number: u32,
        end: &AttemptEnd,
    ) -> Result<(), StoreError> {
        let mut unit = self.write("record an attempt").await?;
        let ended = outbox::end_attempt(unit.db(), claim, (id, number), end).await;
        unit.finish(ended).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<MessageState>, StoreError> {
        let mut unit = self.read_once("read a message").await?;
        let read = outbox::find(unit.db(), id, "").await;
        unit.finish(read).await
    }

    async fn attempts(
        &self,
        id: MessageId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Attempt>, StoreError> {
        let mut unit = self.read_once("read attempts").await?;
        let read = outbox::attempts(unit.db(), id, after, limit).await;
        unit.finish(read).await
    }

    async fn prune_messages(&self, kept: Duration, limit: usize) -> Result<u64, StoreError> {
        let mut unit = self.write("prune messages").await?;
        let pruned = outbox::prune(unit.db(), kept, limit).await;
        unit.finish(pruned).await
    }
}

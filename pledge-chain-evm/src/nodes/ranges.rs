//! Ranges: one node reads, another is asked where its word alone is not enough.

use std::sync::Arc;

use pledge_core::error::ChainError;
use pledge_core::ports::{LogsAnswer, LogsRequest};
use tokio::time::Instant;

use super::failover::Failover;
use super::group::Group;
use crate::range::{Omission, Reading};

/// Reads logs from one node, and settles its doubts with the others.
#[derive(Debug)]
pub(super) struct Ranges {
    group: Arc<Group>,
    failover: Failover,
}

impl Ranges {
    pub(super) const fn new(group: Arc<Group>, failover: Failover) -> Self {
        Self { group, failover }
    }

    /// The longest prefix of the range that one node gives in one answer.
    pub(super) async fn read(&self, request: &LogsRequest<'_>) -> Result<LogsAnswer, ChainError> {
        let (reader, reading) = self
            .failover
            .ask_one(
                "read logs",
                |node| Box::pin(node.log_reader().read_with_doubts(request)),
                |reading| &reading.answer.headers,
            )
            .await?;
        if !reading.doubts.is_empty() {
            self.settle_doubts(reader, request, &reading).await?;
        }
        Ok(reading.answer)
    }

    /// Asks another node for the doubted blocks, then the reader itself. A node that omits logs, or
    /// has some that two others do not have, is left alone for a while. `Transient` if logs are
    /// omitted, or if it is one node's word against another's.
    async fn settle_doubts(
        &self,
        reader: usize,
        request: &LogsRequest<'_>,
        reading: &Reading,
    ) -> Result<(), ChainError> {
        let usable: Vec<usize> = self.group.state().usable(Instant::now()).collect();
        let mut others = usable.into_iter().filter(|node| *node != reader);
        let Some((second, omission)) = self.opinion(&mut others, request, reading).await else {
            let own = self.opinion_of(reader, request, reading).await?;
            return own.map_or(Ok(()), |own| self.blame(reader, own.error));
        };
        let Some(omission) = omission else { return Ok(()) };
        if !omission.is_of_reading {
            return self.blame(second, omission.error);
        }
        // One node's word does not decide against another's: the reader has to confirm its
        // omission, or a third node has to agree with one of the two.
        if self.opinion_of(reader, request, reading).await?.is_some() {
            return self.blame(reader, omission.error);
        }
        match self.opinion(&mut others, request, reading).await {
            Some((_, None)) => {
                self.group.failed(second, &invented(&omission));
                Ok(())
            }
            Some((_, Some(third))) if third.is_of_reading => self.blame(reader, omission.error),
            _ => Err(one_against_one(&omission)),
        }
    }

    /// The opinion of the first of some nodes that has the doubted blocks.
    async fn opinion(
        &self,
        nodes: &mut (impl Iterator<Item = usize> + Send),
        request: &LogsRequest<'_>,
        reading: &Reading,
    ) -> Option<(usize, Option<Omission>)> {
        for node in nodes {
            if let Ok(opinion) = self.opinion_of(node, request, reading).await {
                return Some((node, opinion));
            }
        }
        None
    }

    async fn opinion_of(
        &self,
        node: usize,
        request: &LogsRequest<'_>,
        reading: &Reading,
    ) -> Result<Option<Omission>, ChainError> {
        let opinion = self.group.node(node).log_reader().settle_doubts(request, reading);
        self.group.ask(node, opinion).await
    }

    fn blame(&self, node: usize, error: ChainError) -> Result<(), ChainError> {
        self.group.failed(node, &error);
        Err(error)
    }
}

fn invented(omission: &Omission) -> ChainError {
    let detail = format!("no other node has all its logs of {}", omission.difference);
    ChainError::transient("read logs", detail)
}

fn one_against_one(omission: &Omission) -> ChainError {
    let detail = format!(
        "two nodes disagree about the logs of {}; if this lasts, do without one, or name a third node",
        omission.difference
    );
    ChainError::transient("read logs", detail)
}

//! Everything, in the order of an archive.

use pledge_core::archive::ArchiveRecord;
use pledge_core::event::EventSeq;
use pledge_core::ports::{ChainState, RecordSink};

use super::accounts::Accounts;
use super::decisions::Decisions;
use super::pages::{Audit, Events, Headers, Pages, Statements, Totals, Unreadable, Windows};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::programmes::{of_token, shards_of};
use crate::query::query;
use crate::registry::{chains, tokens};
use crate::row::{ProgrammeRow, TokenRow};

pub(super) async fn export(
    db: &mut dyn Connection,
    sink: &mut dyn RecordSink,
) -> Result<(), Fault> {
    // Records come after what they refer to, so that an import needs one pass and holds no record
    // back.
    let chains = chains(db).await?;
    for chain in &chains {
        sink.put(ArchiveRecord::Chain(chain.clone())).await?;
    }
    for chain in &chains {
        put_pages(db, sink, Headers::new(chain.chain)).await?;
    }
    let tokens = put_tokens(db, sink, &chains).await?;
    for token in &tokens {
        put_pages(db, sink, Unreadable::new(token)).await?;
    }
    for token in &tokens {
        put_pages(db, sink, Accounts::new(token)).await?;
    }
    let programmes = put_programmes(db, sink, &tokens).await?;
    put_pages(db, sink, Decisions::new(&tokens, &programmes)).await?;
    for row in &programmes {
        put_shards(db, sink, row).await?;
    }
    for row in &programmes {
        put_pages(db, sink, Windows::new(row)).await?;
    }
    for row in &programmes {
        put_pages(db, sink, Totals::new(row)).await?;
    }
    for row in &programmes {
        put_pages(db, sink, Statements::new(row)).await?;
    }
    put_pages(db, sink, Audit::default()).await?;
    put_pages(db, sink, Events::default()).await?;
    put_positions(db, sink).await
}

async fn put_pages(
    db: &mut dyn Connection,
    sink: &mut dyn RecordSink,
    mut pages: impl Pages,
) -> Result<(), Fault> {
    loop {
        let page = pages.next(db).await?;
        if page.is_empty() {
            return Ok(());
        }
        for record in page {
            sink.put(record).await?;
        }
    }
}

async fn put_tokens(
    db: &mut dyn Connection,
    sink: &mut dyn RecordSink,
    chains: &[ChainState],
) -> Result<Vec<TokenRow>, Fault> {
    let mut all = Vec::new();
    for chain in chains {
        all.extend(tokens(db, chain.chain).await?);
    }
    for token in &all {
        sink.put(ArchiveRecord::Token(Box::new(token.state.clone()))).await?;
    }
    Ok(all)
}

async fn put_programmes(
    db: &mut dyn Connection,
    sink: &mut dyn RecordSink,
    tokens: &[TokenRow],
) -> Result<Vec<ProgrammeRow>, Fault> {
    let mut all = Vec::new();
    for token in tokens {
        all.extend(of_token(db, token).await?);
    }
    for row in &all {
        sink.put(ArchiveRecord::Programme(row.programme.clone())).await?;
    }
    Ok(all)
}

async fn put_shards(
    db: &mut dyn Connection,
    sink: &mut dyn RecordSink,
    row: &ProgrammeRow,
) -> Result<(), Fault> {
    for progress in shards_of(db, row).await? {
        let programme = row.programme.id.clone();
        sink.put(ArchiveRecord::Shard { programme, progress }).await?;
    }
    Ok(())
}

/// A consumer that received nothing yet is left out, as if it were not there.
async fn put_positions(db: &mut dyn Connection, sink: &mut dyn RecordSink) -> Result<(), Fault> {
    let rows = query("SELECT * FROM event_delivery WHERE delivered > ? ORDER BY consumer")
        .bind(EventSeq::START)
        .rows(db)
        .await?;
    for row in &rows {
        let (consumer, delivered) = (row.get("consumer")?, row.get("delivered")?);
        sink.put(ArchiveRecord::Position { consumer, delivered }).await?;
    }
    Ok(())
}

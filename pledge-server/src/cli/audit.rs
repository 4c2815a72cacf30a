//! `pledge audit`: who did what, newest first.

use std::fmt;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use pledge_core::audit::{Action, Actor, AuditNumber, AuditObject, AuditRecord};
use pledge_core::ports::AuditQuery;
use serde::Serialize;

use super::{Context, Verdict};
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Only what this actor did, such as `command_line:olivia`
    #[arg(long, value_name = "KIND:NAME")]
    actor: Option<Actor>,
    /// Only acts of this name, such as `pause_chain`
    #[arg(long, value_name = "NAME")]
    action: Option<Action>,
    /// Only what was done to this, as the list names it, such as `chain:1`
    #[arg(long, value_name = "KIND:ID")]
    object: Option<AuditObject>,
    /// Rows to list at most
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000)
    )]
    limit: usize,
    /// Continue below this number, as the last line of the list gives it
    #[arg(long, value_name = "NUMBER")]
    below: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Listing {
    records: Vec<AuditRecord>,
    /// The number to continue below; `None` if the list is complete.
    next_below: Option<AuditNumber>,
}

pub(super) async fn execute(context: Context, args: AuditArgs) -> anyhow::Result<Verdict> {
    let stores = wire::open_to_read(&context.config()?.storage).await?;
    // One more than is shown, which shows whether the list goes on.
    let query = AuditQuery {
        below: args.below.map(AuditNumber::new),
        above: AuditNumber::START,
        actor: args.actor,
        action: args.action,
        object: args.object,
        limit: args.limit + 1,
    };
    let mut records = stores.audit.audit(&query).await?;
    stores.close().await;
    let goes_on = records.len() > args.limit;
    records.truncate(args.limit);
    let next_below = records.last().filter(|_| goes_on).map(|last| last.number);
    context.output.print(&Listing { records, next_below })?;
    Ok(Verdict::Fine)
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.records.is_empty() {
            return write!(f, "nobody did anything of that kind");
        }
        for AuditRecord { number, by, act } in &self.records {
            write!(f, "{number}  {}  {}  {} {}", by.at, by.actor, act.action, act.object)?;
            by.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))?;
            writeln!(f)?;
            for (word, state) in [("before", &act.before), ("after", &act.after)] {
                if let Some(state) = state {
                    let text = serde_json::to_string(state).map_err(|_| fmt::Error)?;
                    writeln!(f, "    {word}  {text}")?;
                }
            }
        }
        self.next_below.map_or(Ok(()), |below| write!(f, "older ones: --below {below}"))
    }
}

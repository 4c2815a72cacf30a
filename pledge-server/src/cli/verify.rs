//! `pledge verify`: the ledger against the chain.

use clap::Args;

use super::{Context, QuickArgs, Verdict};
use crate::verify::{VerifyReport, verify_token};
use crate::{sources, stores};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    quick: QuickArgs,
}

pub(super) async fn execute(context: Context, args: VerifyArgs) -> anyhow::Result<Verdict> {
    let config = context.config_or_quick(args.quick).await?;
    let chains = config.require_chains()?;
    let stores = stores::open_existing(&config.storage).await?;
    let mut report = VerifyReport::default();
    let work = async {
        for chain in chains {
            let source = sources::connect(chain).await;
            let source = source.map_err(|error| error.of(chain))?;
            for token in stores.balances.tokens(chain.id).await? {
                let mut progress = context.progress.work(&token.spec.metadata.symbol);
                let id = token.spec.id;
                let checked = verify_token(&*source, &stores, id, &mut progress).await?;
                report.tokens.push(checked);
            }
        }
        anyhow::Ok(())
    };
    let finished = context.stop.run_until_cancelled(work).await;
    finished.unwrap_or_else(|| Err(anyhow::anyhow!("stopped before everything was checked")))?;
    stores.close().await;
    context.output.print(&report)?;
    Ok(Verdict::fine_if(report.is_fine()))
}

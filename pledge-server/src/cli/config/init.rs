//! `pledge config init`: a file to fill in.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::cli::{Context, Verdict, WrongUsage};
use crate::config::DEFAULT_FILE;

/// Every key: required ones to fill in, optional ones commented out with their defaults.
const TEMPLATE: &str = include_str!("init/pledge.toml");

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// Write over a file that exists
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
}

pub(super) fn execute(context: &Context, args: &InitArgs) -> anyhow::Result<Verdict> {
    let file = context.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let mut options = OpenOptions::new();
    // `create_new`, not a look first: a file that appears in between is not written over.
    options.write(true).truncate(args.force).create(args.force).create_new(!args.force);
    let opened = match options.open(&file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let what = format!(
                "`{}` exists: name another file with --config, or write over it with --force",
                file.display()
            );
            return Err(WrongUsage(what).into());
        }
        opened => opened,
    };
    let written = opened.and_then(|mut opened| opened.write_all(TEMPLATE.as_bytes()));
    written.with_context(|| format!("cannot write `{}`", file.display()))?;
    context.output.print(&Written { file })?;
    Ok(Verdict::Fine)
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        write!(f, "wrote {file}: fill in the node and the token, then `pledge config check`")
    }
}

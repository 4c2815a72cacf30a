//! `pledge config init`: a file to fill in.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::cli::{Context, Verdict, WrongUsage};
use crate::config::{Config, DEFAULT_FILE, Need, SectionDoc};

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

/// Every key: required ones to fill in, optional ones commented out with their defaults.
struct Template(Vec<SectionDoc>);

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
    let template = Template(Config::sections()).to_string();
    let written = opened.and_then(|mut opened| opened.write_all(template.as_bytes()));
    written.with_context(|| format!("cannot write `{}`", file.display()))?;
    context.output.print(&Written { file })?;
    Ok(Verdict::Fine)
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# The configuration of pledge. What is commented shows its default, or an example."
        )?;
        writeln!(
            f,
            "# Each key can come from the environment instead, as PLEDGE_ and the levels joined by two"
        )?;
        writeln!(f, "# underscores: PLEDGE_CHAINS__MAINNET__RPC_URLS.")?;
        for SectionDoc { example, doc, is_extra, keys, .. } in &self.0 {
            writeln!(f)?;
            write_comment(f, doc)?;
            writeln!(f, "{}[{example}]", mark(*is_extra))?;
            for key in keys {
                write_comment(f, &key.doc)?;
                let is_written = matches!(key.need, Need::Required | Need::Advised);
                writeln!(f, "{}{} = {}", mark(*is_extra || !is_written), key.name, key.value)?;
            }
        }
        Ok(())
    }
}

/// What a line begins with that is commented out, or is not.
const fn mark(is_comment: bool) -> &'static str {
    if is_comment { "# " } else { "" }
}

fn write_comment(f: &mut fmt::Formatter<'_>, lines: &str) -> fmt::Result {
    lines.lines().try_for_each(|line| writeln!(f, "# {line}"))
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        write!(f, "wrote {file}: fill in the node and the token, then `pledge config check`")
    }
}

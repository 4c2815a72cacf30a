//! `pledge admin`: users who may do everything, made by those who may write to the database.

use std::fmt;
use std::io::{BufRead as _, IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use console::Term;
use pledge_core::audit::Reason;
use pledge_office::access::{
    By, GivenGrants, NewUser, Password, PasswordHash, Profile, Role, RoleName, User, UserId,
    UserName,
};
use pledge_office::base::random_bytes;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::acting::attribution;
use super::{Context, Verdict, WrongUsage};
use crate::config::{ConfigError, Key, StorageUrl};
use crate::stores::Stores;
use crate::wire;

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Make a user with the role `admin`, which signs in by name and password
    Create(CreateArgs),
}

/// The password is typed twice at a terminal; without one it is a line of standard input.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The name: 1 to 64 characters of a-z, 0-9 and `-_.`, the first one a letter
    #[arg(value_parser = name)]
    name: UserName,
    /// The reason, kept with who did it
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
}

#[derive(Debug, Serialize)]
struct Created {
    id: String,
    name: String,
    role: &'static str,
    storage: String,
}

pub(super) fn name(text: &str) -> Result<UserName, String> {
    UserName::new(text).map_err(|error| error.to_string())
}

pub(super) async fn execute(context: Context, command: AdminCommand) -> anyhow::Result<Verdict> {
    match command {
        AdminCommand::Create(args) => create(context, args).await,
    }
}

async fn create(context: Context, args: CreateArgs) -> anyhow::Result<Verdict> {
    let CreateArgs { name, reason } = args;
    let config = context.config()?;
    let url = &config.storage.url;
    if !url.keeps() {
        let key = Key::root("storage").child("url");
        let what = format!("`{url}` keeps no users: use {}", StorageUrl::forms_that_keep());
        return Err(ConfigError::at(&key, what).into());
    }
    let by = By::machine(attribution(reason.as_ref())?);
    // Before the database is opened, so that a refused password changes nothing, not even a schema.
    let admin = NewAdmin::typed(name, &context.stop).await?;
    let stores = wire::open_alone(&config.storage).await?;
    let made = admin.make(&stores, &by).await?;
    stores.close().await;
    let (id, storage) = (made.id.to_string(), url.to_string());
    context.output.print(&Created { id, name: made.called(), role: Role::ADMIN, storage })?;
    Ok(Verdict::Fine)
}

/// An admin who is to be made, with a password that was typed.
#[derive(Debug)]
pub(super) struct NewAdmin {
    name: UserName,
    password: PasswordHash,
}

impl NewAdmin {
    /// Reads the password of one, at the terminal or from standard input.
    pub(super) async fn typed(name: UserName, stop: &CancellationToken) -> anyhow::Result<Self> {
        let typed =
            tokio::task::spawn_blocking(typed_password).await.context("reading a password")??;
        if stop.is_cancelled() {
            bail!("stopped: no user was made");
        }
        let password = Password::chosen(&typed, name.as_str());
        let password = password.map_err(|error| WrongUsage(error.to_string()))?;
        let password = wire::passwords(wire::random()).hash(&password).await?;
        Ok(Self { name, password })
    }

    /// Makes it.
    pub(super) async fn make(&self, stores: &Stores, by: &By) -> anyhow::Result<User> {
        let access = stores.access.as_ref().context("the store keeps no users")?;
        let user = NewUser {
            id: UserId::from_bytes(random_bytes(&wire::random())),
            profile: Profile { name: Some(self.name.clone()), ..Profile::default() },
            password: Some(self.password.clone()),
            wallets: Vec::new(),
        };
        let role = RoleName::new(Role::ADMIN).expect("a built-in role");
        Ok(access.create_user(&user, &GivenGrants::everywhere(role), by).await?)
    }
}

/// The password that is typed twice without an echo, or the only line of an input that is no terminal.
fn typed_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        // Standard output is for the result.
        let terminal = Term::stderr();
        let typed = |prompt: &str| {
            terminal.write_str(prompt)?;
            terminal.read_secure_line()
        };
        let first = typed("Password: ")?;
        if first != typed("Again: ")? {
            return Err(
                WrongUsage("the two passwords differ: type the same one twice".into()).into()
            );
        }
        return Ok(first);
    }
    // One byte more than any password with its line end has, so that a longer one is not cut.
    let mut input = std::io::stdin().lock().take(Password::BYTES_MAX as u64 + 3);
    let mut line = String::new();
    input.read_line(&mut line).context("standard input has no password")?;
    let more = input.bytes().next().transpose().context("standard input has no password")?;
    if more.is_some() && line.ends_with('\n') {
        return Err(WrongUsage(
            "standard input has more than one line: write the password alone".into(),
        )
        .into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, role, storage } = self;
        write!(f, "made {name} ({id}) with the role {role} in {storage}")
    }
}

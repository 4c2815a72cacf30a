//! Who types a command.

use std::env::{self, VarError};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use nix::unistd::{Uid, User};
use pledge_core::audit::{Actor, ActorKind, Attribution, Reason};
use pledge_core::error::StoreErrorKind;
use pledge_core::indexer::IndexerError;
use pledge_core::operate::OperateError;
use pledge_core::types::{BlockNumber, Timestamp};

use super::WrongUsage;

/// The variable in which `sudo` leaves who asked for the rights of another user.
const SUDO_USER: &str = "SUDO_USER";

/// The system's user, now, for a reason. The system vouches for the name: no variable changes it but
/// that of `sudo`, and that only for a process with the rights of root.
pub(super) fn attribution(reason: Option<&Reason>) -> anyhow::Result<Attribution> {
    let uid = Uid::current();
    let login = User::from_uid(uid).context("the system's list of users cannot be read")?;
    let actor = actor(uid, login.map(|user| user.name), env::var(SUDO_USER))?;
    let at = Timestamp::of_clock(SystemTime::now())?;
    Ok(Attribution { reason: reason.cloned(), ..Attribution::new(actor, at) })
}

/// The actor by the login name of the process' user, else by the number; for root, by whom `sudo` acts for.
fn actor(
    uid: Uid,
    login: Option<String>,
    sudo_user: Result<String, VarError>,
) -> Result<Actor, WrongUsage> {
    let wrong = |of: &str, what: String| WrongUsage(format!("{of} is no user: {what}"));
    let variable = || format!("the variable {SUDO_USER}");
    if uid.is_root() {
        match sudo_user {
            Ok(name) if !name.is_empty() => {
                let actor = Actor::new(ActorKind::CommandLine, &name);
                return actor.map_err(|error| wrong(&variable(), error.to_string()));
            }
            Ok(_) | Err(VarError::NotPresent) => {}
            Err(error) => return Err(wrong(&variable(), error.to_string())),
        }
    }
    let name = login.unwrap_or_else(|| format!("uid {uid}"));
    let actor = Actor::new(ActorKind::CommandLine, &name);
    actor.map_err(|error| wrong("the login name of this process", error.to_string()))
}

/// Why an act was refused, with the command or the argument that helps.
pub(super) fn in_words(refused: OperateError) -> anyhow::Error {
    // What names something unknown or impossible is a wrong argument, with an exit code of its own.
    let wrong = |text: String| anyhow::Error::from(WrongUsage(text));
    match &refused {
        OperateError::UnknownToken(_) => {
            wrong(format!("{refused}: `pledge status` lists the tokens"))
        }
        OperateError::NothingFailed(_) => {
            anyhow!("{refused}: `pledge settlements --failed` lists those that failed")
        }
        OperateError::ChainFollowed { name, .. } => {
            anyhow!("{refused}, run `pledge pause {name}` first")
        }
        OperateError::NothingAbove { to, newest: Some(newest) } => wrong(format!(
            "--to {to}: nothing is above that block: name one below {newest}, the newest in the store"
        )),
        OperateError::NothingAbove { to, newest: None } => wrong(format!(
            "--to {to}: the store has no block of the chain, so there is nothing to take back"
        )),
        _ => match refused {
            OperateError::Store(error) => error.into(),
            OperateError::Rewind(error) => error.into(),
            other => other.into(),
        },
    }
}

/// As [`in_words`], for a rewind: a block that the ledger refuses is a wrong argument.
pub(super) fn rewind_in_words(to: BlockNumber, refused: OperateError) -> anyhow::Error {
    match refused {
        OperateError::Rewind(IndexerError::Store(error))
            if error.kind() == StoreErrorKind::Invalid =>
        {
            WrongUsage(format!("--to {to}: {}", error.detail())).into()
        }
        other => in_words(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u32 = 0;
    const OSCAR: u32 = 1_000;

    fn of(uid: u32, login: Option<&str>, sudo_user: Option<&str>) -> Result<String, String> {
        let sudo_user = sudo_user.map(str::to_owned).ok_or(VarError::NotPresent);
        let actor = actor(Uid::from_raw(uid), login.map(str::to_owned), sudo_user);
        actor.map(|actor| actor.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_one_for_whom_root_acts_is_named() {
        assert_eq!(of(ROOT, Some("root"), Some("olivia")).unwrap(), "command_line:olivia");
        assert_eq!(of(ROOT, Some("root"), Some("")).unwrap(), "command_line:root");
        assert_eq!(of(ROOT, Some("root"), None).unwrap(), "command_line:root");
    }

    #[test]
    fn a_variable_gives_a_user_without_the_rights_of_root_no_other_name() {
        assert_eq!(of(OSCAR, Some("oscar"), Some("olivia")).unwrap(), "command_line:oscar");
        assert_eq!(of(OSCAR, None, Some("olivia")).unwrap(), "command_line:uid 1000");
    }

    #[test]
    fn a_name_of_two_lines_is_refused_by_where_it_is_from() {
        let refused = of(ROOT, Some("root"), Some("a\nb")).unwrap_err();
        assert!(refused.contains(SUDO_USER) && refused.contains("one line"), "{refused}");
        let refused = of(OSCAR, Some("a\nb"), None).unwrap_err();
        assert!(refused.contains("login name") && refused.contains("one line"), "{refused}");
    }
}

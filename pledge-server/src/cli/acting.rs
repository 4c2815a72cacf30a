//! Who types a command.

use std::env::VarError;
use std::time::SystemTime;

use pledge_core::audit::{Actor, ActorKind, Attribution, Reason};
use pledge_core::types::Timestamp;

use super::WrongUsage;

/// The variables that may name the user, the most telling first: `sudo` sets the first of them.
const NAMED_BY: [&str; 3] = ["SUDO_USER", "USER", "LOGNAME"];

/// The system's user, now, for a reason. It vouches for no more than the environment does; who may
/// open the database is up to the machine.
pub(super) fn attribution(reason: Option<&Reason>) -> anyhow::Result<Attribution> {
    let uid = format!("uid {}", rustix::process::getuid().as_raw());
    let actor = user(|name| std::env::var(name), &uid)?;
    let at = Timestamp::of_clock(SystemTime::now())?;
    Ok(Attribution { reason: reason.cloned(), ..Attribution::new(actor, at) })
}

/// The user by the first variable that is set, else by `uid`.
fn user(
    variable: impl Fn(&str) -> Result<String, VarError>,
    uid: &str,
) -> Result<Actor, WrongUsage> {
    for name in NAMED_BY {
        let wrong = |what: String| WrongUsage(format!("the variable {name} is no user: {what}"));
        match variable(name) {
            Ok(text) if text.is_empty() => {}
            Err(VarError::NotPresent) => {}
            Ok(text) => {
                let actor = Actor::new(ActorKind::CommandLine, &text);
                return actor.map_err(|error| wrong(error.to_string()));
            }
            Err(error) => return Err(wrong(error.to_string())),
        }
    }
    Ok(Actor::new(ActorKind::CommandLine, uid).expect("a number makes a short name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_of(variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, text)| (*text).to_owned()).ok_or(VarError::NotPresent)
        };
        let actor = user(variable, "uid 1000").map_err(|error| error.to_string())?;
        Ok(actor.to_string())
    }

    #[test]
    fn the_one_who_asked_for_the_rights_of_another_is_named() {
        let named = user_of(&[("USER", "root"), ("SUDO_USER", "olivia"), ("LOGNAME", "root")]);
        assert_eq!(named.unwrap(), "command_line:olivia");
    }

    #[test]
    fn a_user_without_a_name_is_named_by_number() {
        assert_eq!(user_of(&[]).unwrap(), "command_line:uid 1000");
        assert_eq!(user_of(&[("USER", "")]).unwrap(), "command_line:uid 1000");
        assert_eq!(user_of(&[("USER", ""), ("LOGNAME", "oscar")]).unwrap(), "command_line:oscar");
    }

    #[test]
    fn a_name_of_two_lines_is_refused_by_its_variable() {
        let refused = user_of(&[("USER", "a\nb")]).unwrap_err();
        assert!(refused.contains("USER") && refused.contains("one line"), "{refused}");
    }
}

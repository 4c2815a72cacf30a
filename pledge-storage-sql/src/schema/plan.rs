//! What is to be made of the migrations, given what was made.

use pledge_core::primitives::B256;

use super::Place;
use super::sets::{Migration, MigrationSet};
use crate::connection::Row;
use crate::fault::Fault;
use crate::row::FromRow;

/// A migration as a database has recorded it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) set: String,
    pub(super) version: u32,
    pub(super) checksum: B256,
    /// Whether its last change was made.
    pub(super) is_whole: bool,
}

impl FromRow for Made {
    fn from_row(row: &dyn Row) -> Result<Self, Fault> {
        Ok(Self {
            set: row.get("migration_set")?,
            version: row.get("version")?,
            checksum: row.get("checksum")?,
            is_whole: row.get("made")?,
        })
    }
}

/// A migration to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) set: &'static str,
    pub(super) migration: &'static Migration,
    /// Whether an interrupted run has made some of it.
    pub(super) is_begun: bool,
}

/// The migrations of the sets that are missing. `Invalid` where those that were made are not the first of
/// this release. Other sets are left alone.
pub(super) fn plan(
    place: Place<'_>,
    sets: &'static [MigrationSet],
    made: &[Made],
) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    for set in sets {
        let of_set: Vec<_> = made.iter().filter(|made| made.set == set.name).collect();
        steps.extend(missing(place, set, &of_set)?);
    }
    Ok(steps)
}

/// Those of one set, whose records ascend by version.
fn missing(
    place: Place<'_>,
    set: &'static MigrationSet,
    made: &[&Made],
) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    let mut records = made.iter();
    for migration in set.migrations {
        let record = records.next();
        let step = Step { set: set.name, migration, is_begun: record.is_some() };
        match record {
            None => steps.push(step),
            Some(made) if made.version != migration.version => return Err(foreign(place)),
            Some(made) if made.checksum == migration.checksum() => {
                steps.extend((!made.is_whole).then_some(step));
            }
            Some(made) if made.is_whole => return Err(foreign(place)),
            Some(made) => return Err(begun_by_another(place, made.version)),
        }
    }
    // One that we do not know: only its release can end it. A look at the database refuses it first.
    records.next().map_or(Ok(steps), |made| Err(begun_by_another(place, made.version)))
}

fn foreign(Place { name, what }: Place<'_>) -> Fault {
    Fault::invalid(format!(
        "the schema of `{name}` is not one that a release of pledge made: open another {what}"
    ))
}

/// What only the release that began it can end.
pub(super) fn begun_by_another(Place { name, .. }: Place<'_>, version: u32) -> Fault {
    Fault::invalid(format!(
        "bringing the schema of `{name}` to version {version} was interrupted, and another version of \
         pledge began it: open it once with that version of pledge, or restore it from a backup"
    ))
}

#[cfg(test)]
mod tests {
    use pledge_core::error::StoreErrorKind;

    use super::*;
    use crate::schema::sets::{BASELINE, ENGINE, SETS};

    const PLACE: Place<'static> = Place { name: "pledge", what: "file" };
    const ENGINE_ALONE: &[MigrationSet] = &[ENGINE];

    fn baseline() -> Made {
        let (set, version) = (ENGINE.name.to_owned(), BASELINE.version);
        Made { set, version, checksum: BASELINE.checksum(), is_whole: true }
    }

    /// Every migration of the engine, whole.
    fn all() -> Vec<Made> {
        let made = |migration: &Migration| {
            let (set, version) = (ENGINE.name.to_owned(), migration.version);
            Made { set, version, checksum: migration.checksum(), is_whole: true }
        };
        ENGINE.migrations.iter().map(made).collect()
    }

    fn refused(made: &[Made]) -> String {
        let fault = plan(PLACE, ENGINE_ALONE, made).expect_err("a plan is refused");
        assert_eq!(fault.kind(), StoreErrorKind::Invalid);
        fault.explained()
    }

    #[test]
    fn an_empty_database_gets_every_migration() {
        let steps = plan(PLACE, SETS, &[]).unwrap();
        let versions: Vec<_> = steps.iter().map(|step| (step.set, step.is_begun)).collect();
        let of_office = if cfg!(feature = "office") { &[("office", false); 2][..] } else { &[] };
        let of_engine = [("engine", false); 4];
        assert_eq!(versions, [&of_engine, of_office].concat());
    }

    /// Each set has versions of its own.
    #[cfg(feature = "office")]
    #[test]
    fn a_database_of_the_engine_gets_what_the_office_lacks() {
        let steps = plan(PLACE, SETS, &all()).unwrap();
        let versions: Vec<_> =
            steps.iter().map(|step| (step.set, step.migration.version)).collect();
        assert_eq!(versions, [("office", 1), ("office", 2)]);
    }

    #[test]
    fn a_database_that_has_them_gets_none() {
        assert!(plan(PLACE, ENGINE_ALONE, &all()).unwrap().is_empty());
    }

    #[test]
    fn a_set_of_others_is_left_alone() {
        let mut made = all();
        made.push(Made { set: "theirs".to_owned(), version: 3, ..baseline() });
        assert!(plan(PLACE, ENGINE_ALONE, &made).unwrap().is_empty());
    }

    #[test]
    fn a_migration_that_was_begun_is_made_again() {
        let begun = Made { is_whole: false, ..baseline() };
        let steps = plan(PLACE, ENGINE_ALONE, &[begun]).unwrap();
        assert!(steps[0].is_begun && steps[1..].iter().all(|step| !step.is_begun), "{steps:?}");
    }

    #[test]
    fn a_migration_that_another_text_began_is_refused_with_what_to_do() {
        let begun = Made { is_whole: false, checksum: B256::ZERO, ..baseline() };
        let later = Made { is_whole: false, version: 99, ..baseline() };
        let all_and_later: Vec<_> = all().into_iter().chain([later]).collect();
        for made in [&[begun][..], &all_and_later[..]] {
            let text = refused(made);
            assert!(text.contains("interrupted") && text.contains("that version"), "{text}");
        }
    }

    #[test]
    fn a_migration_of_another_text_or_number_is_refused() {
        let text = Made { checksum: B256::ZERO, ..baseline() };
        let number = Made { version: 7, ..baseline() };
        for made in [text, number] {
            let text = refused(&[made]);
            assert!(text.contains("not one that a release"), "{text}");
        }
    }
}

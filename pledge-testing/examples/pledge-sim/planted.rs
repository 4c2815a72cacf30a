//! Planted bugs: they prove that the simulation finds bugs.
//!
//! Each replaces one expression of the real code, which is not changed for it: a copy of the crates
//! is made in `target/planted`, where each such expression becomes a choice between right and
//! wrong. The copy is built once; `PLEDGE_PLANTED` names the bug that is active.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::plants::{Plant, plants};

/// The folder of the crates in the copy. Crates of other paths are others to cargo, so the copy has the target
/// folder of the workspace, and what both depend on is built once.
const CRATES: &str = "planted";

/// The copy of the crates, built.
#[derive(Debug)]
pub(crate) struct Copy {
    program: PathBuf,
}

impl Copy {
    /// Makes the copy and builds it; optimized if it has to play many seeds.
    pub(crate) fn build(for_many: bool) -> Result<Self, String> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the crate is in a workspace")?;
        let copy = root.join("target/planted");
        plant(root, &copy)?;
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| root.join("target"), |target| root.join(target));
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.current_dir(&copy).env("CARGO_TARGET_DIR", &target);
        cargo.args(["build", "--offline", "--example", "pledge-planted"]);
        // The tests are run with all features of the workspace, so what both depend on is there already.
        cargo.args(if for_many {
            ["--release", "--package=pledge-testing"]
        } else {
            ["--workspace", "--all-features"]
        });
        cargo.envs([("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_INCREMENTAL", "0")]);
        let (status, output) = run(&mut cargo)?;
        if !status.success() {
            return Err(format!("the copy does not build:\n{output}"));
        }
        let profile = if for_many { "release" } else { "debug" };
        Ok(Self { program: target.join(profile).join("examples/pledge-planted") })
    }

    /// Plays seeds from 0 with a bug, or with none, until one fails, and returns how many it took;
    /// `None` if every law held.
    pub(crate) fn play(&self, name: Option<&str>, seeds: u64) -> Result<Option<u64>, String> {
        let mut planted = Command::new(&self.program);
        planted.env("PLEDGE_PLANTED", name.unwrap_or_default());
        planted.args(["--threads", "1", "--seeds", &seeds.to_string()]);
        let (status, output) = run(&mut planted)?;
        if status.success() {
            return Ok(None);
        }
        let failed = output.split("FAILED seed ").nth(1).and_then(|rest| rest.split(':').next());
        let seed = failed.and_then(|seed| seed.parse::<u64>().ok());
        let seed = seed.ok_or_else(|| format!("{name:?} ended without a verdict:\n{output}"))?;
        Ok(Some(seed + 1))
    }
}

/// Copies the crates and turns each planted expression into a choice.
fn plant(root: &Path, copy: &Path) -> Result<(), String> {
    let crates = copy.join(CRATES);
    let manifest = read(&root.join("Cargo.toml"))?;
    let (head, rest) =
        manifest.split_once("members = [").ok_or("the workspace lists its members")?;
    let (list, rest) = rest.split_once(']').ok_or("the list ends")?;
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    for name in &names {
        copy_folder(&root.join(name), &crates.join(name))?;
    }
    let members =
        names.iter().map(|name| format!("\"{CRATES}/{name}\"")).collect::<Vec<_>>().join(", ");
    let rest = rest.replace("{ path = \"", &format!("{{ path = \"{CRATES}/"));
    write(&copy.join("Cargo.toml"), &format!("{head}members = [{members}]{rest}"))?;
    write(&copy.join("Cargo.lock"), &read(&root.join("Cargo.lock"))?)?;
    let testing = crates.join("pledge-testing/Cargo.toml");
    write(
        &testing,
        &read(&testing)?.replace("name = \"pledge-sim\"", "name = \"pledge-planted\""),
    )?;
    for plant in plants() {
        let path = crates.join("pledge-core/src").join(plant.file);
        write(&path, &choice(plant, &read(&path)?)?)?;
    }
    let lib = crates.join("pledge-core/src/lib.rs");
    write(&lib, &format!("{}{CHOOSER}", read(&lib)?))
}

/// The source with the plant in it.
pub(crate) fn choice(plant: &Plant, source: &str) -> Result<String, String> {
    let Plant { name, file, right, wrong, .. } = plant;
    let count = source.matches(right).count();
    if count != 1 {
        return Err(format!("{name}: `{right}` is {count} times in {file}, not once"));
    }
    let chosen = format!("(if crate::planted(\"{name}\") {{ {wrong} }} else {{ {right} }})");
    Ok(source.replace(right, &chosen))
}

const CHOOSER: &str = r#"
/// Whether the named bug is active.
#[inline(never)]
pub(crate) fn planted(name: &str) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("PLEDGE_PLANTED").ok());
    CHOSEN.as_deref() == Some(name)
}
"#;

fn run(command: &mut Command) -> Result<(ExitStatus, String), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let printed = [output.stdout, output.stderr].concat();
    Ok((output.status, String::from_utf8_lossy(&printed).into_owned()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    for entry in fs::read_dir(from).map_err(wrong)? {
        let path: PathBuf = entry.map_err(wrong)?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            write(&target, &read(&path)?)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(wrong)?;
    }
    // An unchanged file is not written, so that it is not built again.
    if fs::read_to_string(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(wrong)
}

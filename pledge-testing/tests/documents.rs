//! What the documents name exists: paths, names of the code, tables and their columns. What they
//! promise of the crates is so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The pages that lead a reader to the code, besides those of `RECIPES`.
const PAGES: [&str; 2] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
const RECIPES: &str = "docs/recipes";
const SCHEMA: &str = "docs/schema.md";
const MIGRATIONS: &str = "pledge-storage-sql/migrations";

/// What a path ends with, where it has no `/`.
const FILES: [&str; 6] = [".rs", ".sql", ".md", ".sh", ".py", ".toml"];
/// How the names of the crates that talk to something outside begin.
const ADAPTERS: [&str; 3] = ["pledge-storage-", "pledge-cache-", "pledge-chain-"];
/// A part of a path that the reader replaces.
const BLANKS: [&str; 2] = ["NAME", "NNNN"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A text between backticks, or the target of a link, and where it is.
#[derive(Debug)]
struct Mention {
    line: usize,
    text: String,
    is_link: bool,
}

/// A document by its path in the repository.
#[derive(Debug)]
struct Page {
    path: String,
    mentions: Vec<Mention>,
}

impl Page {
    /// Reads the page. Fenced blocks are examples, and name nothing.
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let (mut mentions, mut is_fenced) = (Vec::new(), false);
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim_start().starts_with("```") {
                is_fenced = !is_fenced;
            } else if !is_fenced {
                let mention =
                    |text: &str, is_link| Mention { line, text: text.to_owned(), is_link };
                let parts: Vec<_> = text.split('`').collect();
                assert!(parts.len() % 2 == 1, "{path}:{line}: a backtick has no second one");
                mentions.extend(parts.iter().skip(1).step_by(2).map(|span| mention(span, false)));
                let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
                mentions.extend(links.map(|(target, _)| mention(target, true)));
            }
        }
        Self { path: path.to_owned(), mentions }
    }

    /// The pages that lead to the code.
    fn all() -> Vec<Self> {
        let recipes = std::fs::read_dir(root().join(RECIPES)).unwrap();
        let names = recipes.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut paths: Vec<_> = names.map(|name| format!("{RECIPES}/{name}")).collect();
        paths.sort();
        paths.extend(PAGES.map(str::to_owned));
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn missing(&self, Mention { line, text, .. }: &Mention) -> String {
        format!("{}:{line}: `{text}`", self.path)
    }

    /// The mentions of paths that are not in the repository.
    ///
    /// A short path continues one that the page has named before: it is looked up in the folders on
    /// the way to each of those.
    fn missing_paths(&self) -> Vec<String> {
        let (mut missing, mut folders) = (Vec::new(), BTreeSet::from([PathBuf::new()]));
        let spans = self.mentions.iter().filter(|mention| !mention.is_link);
        for (span, path) in spans.flat_map(|span| paths(&span.text).map(move |path| (span, path))) {
            let found = folders.iter().map(|folder| folder.join(&path));
            let found: Vec<_> = found.filter(|path| root().join(path).exists()).collect();
            if found.is_empty() {
                missing.push(self.missing(span));
            }
            // The folder of a crate is also that of its sources.
            let named = found.iter().flat_map(|path| path.ancestors());
            let named = named.filter(|folder| root().join(folder).is_dir());
            folders.extend(named.flat_map(|folder| [folder.to_owned(), folder.join("src")]));
        }
        missing
    }

    /// The links that lead to nothing in the repository. Those to other places are not looked at.
    fn missing_links(&self) -> Vec<String> {
        let folder = root().join(&self.path).parent().unwrap().to_owned();
        let leads_nowhere = |target: &str| {
            let path = target.split('#').next().unwrap_or_default();
            !target.contains("://") && !folder.join(path).exists()
        };
        let links = self.mentions.iter().filter(|mention| mention.is_link);
        links.filter(|link| leads_nowhere(&link.text)).map(|link| self.missing(link)).collect()
    }

    /// The mentions of names of the code that no source has.
    fn missing_names(&self, words: &HashSet<String>) -> Vec<String> {
        let is_known = |part: &str| words.contains(part);
        let unknown = self
            .mentions
            .iter()
            .filter(|mention| name(&mention.text).is_some_and(|mut parts| !parts.all(is_known)));
        unknown.map(|mention| self.missing(mention)).collect()
    }
}

/// The paths that a mention names, up to a part that the reader replaces; none if it is no path.
fn paths(text: &str) -> impl Iterator<Item = PathBuf> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "_-./{},".contains(char);
    let is_crate = text.starts_with("pledge-");
    let is_path = text.contains('/') || is_crate || FILES.iter().any(|end| text.ends_with(end));
    let is_path = is_path && !text.starts_with('/') && text.chars().all(is_plain);
    let all = if is_path { spelt_out(text) } else { Vec::new() };
    let is_fixed = |part: &&str| !BLANKS.iter().any(|blank| part.contains(blank));
    all.into_iter().map(move |path| path.split('/').take_while(is_fixed).collect())
}

/// `{a,b}/c` as `a/c` and `b/c`.
fn spelt_out(text: &str) -> Vec<String> {
    let parts =
        text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (choices, after))) = parts else { return vec![text.to_owned()] };
    let all = choices.split(',').flat_map(|choice| spelt_out(&format!("{before}{choice}{after}")));
    all.collect()
}

/// The parts of a name such as `Type::method` or `a_macro!`; `None` if it is no name.
fn name(text: &str) -> Option<impl Iterator<Item = &str>> {
    let name = text.strip_suffix('!').unwrap_or(text);
    let is_word = |part: &str| {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
        part.chars().all(is_plain) && part.starts_with(|char: char| !char.is_ascii_digit())
    };
    name.split("::").all(is_word).then(|| name.split("::"))
}

/// The files below a folder that end so, what was built or installed aside.
fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() && !["target", "node_modules", ".git"].contains(&name) {
            found.extend(files(&path, ends));
        } else if ends.iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
}

/// The columns of every table, by the migrations.
fn tables() -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&root().join(MIGRATIONS), &[".sql"]) {
        let (text, mut table) = (std::fs::read_to_string(file).unwrap(), String::new());
        for line in text.lines().map(|line| line.trim_start_matches("{counter}")) {
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["--", ..] => {}
                ["CREATE", "TABLE", name, ..] => table = name.to_owned(),
                ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..] => {
                    tables.entry(name.to_owned()).or_default().insert(column.to_owned());
                }
                // A column is followed by its type, which is between braces.
                [column, kind, ..] if kind.starts_with('{') && name(column).is_some() => {
                    tables.entry(table.clone()).or_default().insert(column.to_owned());
                }
                _ => {}
            }
        }
    }
    tables
}

#[test]
fn every_path_that_a_document_names_is_in_the_repository() {
    let missing: Vec<_> = Page::all().iter().flat_map(Page::missing_paths).collect();
    assert!(missing.is_empty(), "no such path:\n{}", missing.join("\n"));
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let missing: Vec<_> = Page::all().iter().flat_map(Page::missing_links).collect();
    assert!(missing.is_empty(), "no such place:\n{}", missing.join("\n"));
}

#[test]
fn every_name_of_the_code_that_a_document_mentions_is_in_the_code() {
    let sources = files(&root(), &[".rs", ".sql", ".toml", ".sh"]);
    let sources = sources.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let known: HashSet<_> =
        sources.flat_map(|text| words(&text).map(str::to_owned).collect::<Vec<_>>()).collect();
    let missing: Vec<_> = Page::all().iter().flat_map(|page| page.missing_names(&known)).collect();
    assert!(missing.is_empty(), "no such name:\n{}", missing.join("\n"));
}

#[test]
fn every_table_and_column_is_in_the_document_of_the_schema() {
    let page = Page::read(SCHEMA);
    let named: HashSet<_> = page.mentions.iter().flat_map(|mention| words(&mention.text)).collect();
    let tables = tables();
    assert!(tables.len() >= 19, "{:?}", tables.keys());
    for (table, columns) in tables {
        assert!(named.contains(&*table), "{SCHEMA} lacks the table {table}");
        for column in columns {
            assert!(named.contains(&*column), "{SCHEMA} lacks {table}.{column}");
        }
    }
}

#[test]
fn every_column_that_the_document_of_the_schema_names_is_in_the_schema() {
    let tables = tables();
    for Mention { line, text, .. } in &Page::read(SCHEMA).mentions {
        let Some((table, rest)) = text.split_once('.') else { continue };
        let Some(columns) = tables.get(table) else { continue };
        let column = words(rest).next().unwrap_or_default();
        assert!(columns.contains(column), "{SCHEMA}:{line}: {table} has no column {column}");
    }
}

/// The crates that are adapters, as code names them. A metric may begin as one of their kinds does.
fn adapters() -> Vec<String> {
    let folders = std::fs::read_dir(root()).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let adapters = names.filter(|name| ADAPTERS.iter().any(|kind| name.starts_with(kind)));
    let adapters: Vec<String> = adapters.map(|name| name.replace('-', "_")).collect();
    assert!(adapters.len() > ADAPTERS.len(), "one of each kind, and several stores: {adapters:?}");
    adapters
}

/// The code of a file without its tests, which are last.
fn shipped(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let is_tests = file.to_str().unwrap().ends_with("_tests.rs");
    if is_tests {
        String::new()
    } else {
        text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
    }
}

#[test]
fn no_file_of_the_server_but_its_wiring_names_an_adapter() {
    let sources = root().join("pledge-server/src");
    let (wiring, others): (Vec<_>, Vec<_>) =
        files(&sources, &[".rs"]).into_iter().partition(|file| {
            file.starts_with(sources.join("wire")) || *file == sources.join("wire.rs")
        });
    let adapters = adapters();
    let naming = |files: &[PathBuf]| {
        let named = files.iter().flat_map(|file| {
            let text = shipped(file);
            let adapters = words(&text)
                .filter(|word| adapters.iter().any(|adapter| word.starts_with(adapter)));
            adapters.map(|adapter| format!("{}: {adapter}", file.display())).collect::<Vec<_>>()
        });
        named.collect::<Vec<_>>()
    };
    assert!(!naming(&wiring).is_empty(), "the wiring names them, or this test reads nothing");
    let named = naming(&others);
    assert!(named.is_empty(), "only `wire` names adapters:\n{}", named.join("\n"));
}

#[test]
fn the_api_depends_on_no_adapter() {
    let manifest = std::fs::read_to_string(root().join("pledge-http/Cargo.toml")).unwrap();
    let shipped = manifest.split("[dev-dependencies]").next().unwrap().replace('-', "_");
    assert!(shipped.contains("pledge_core"), "{shipped}");
    for adapter in adapters() {
        assert!(!shipped.contains(&adapter), "pledge-http depends on {adapter}…");
    }
}

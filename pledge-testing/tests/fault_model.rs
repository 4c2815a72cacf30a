//! Every test that the fault model names exists.

use std::path::Path;

/// The number of edge cases in the fault model.
const CASES: usize = 41;

/// A test as a table names it: `` `crate: test` (file) ``.
struct Named<'a> {
    package: &'a str,
    test: &'a str,
    file: &'a str,
}

fn named(cell: &str) -> Option<Named<'_>> {
    let (name, file) = cell.trim().strip_prefix('`')?.split_once("` (")?;
    let (package, test) = name.split_once(": ")?;
    Some(Named { package, test, file: file.strip_suffix(')')? })
}

/// The tests of each row, which begins with the number of its promise or case.
fn rows(table: &str) -> Vec<(usize, Vec<Named<'_>>)> {
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let number = cells.next()?.split_once(". ")?.0.parse().ok()?;
        let tests = cells.next()?.split("<br>");
        let tests = tests.map(|cell| named(cell).unwrap_or_else(|| panic!("no test: {cell}")));
        Some((number, tests.collect()))
    });
    rows.collect()
}

#[test]
fn every_promise_and_every_case_has_tests_in_the_files_that_the_tables_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let model = std::fs::read_to_string(root.join("docs/fault-model.md")).unwrap();
    let rows = rows(&model);
    let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
    let promises = numbers.len() - CASES;
    assert_eq!(numbers, (1..=promises).chain(1..=CASES).collect::<Vec<_>>());
    for (number, tests) in rows {
        assert!(!tests.is_empty(), "row {number} has no test");
        for Named { package, test, file } in tests {
            let source = std::fs::read_to_string(root.join(package).join(file));
            let source = source.unwrap_or_else(|error| panic!("{package}/{file}: {error}"));
            assert!(source.contains(&format!("fn {test}(")), "{test} is not in {package}/{file}");
        }
    }
}

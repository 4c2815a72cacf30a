//! Every test that the table of the field's edge cases names is still there.

use std::path::Path;

/// A test as the table names it: `` `crate: test` (file) ``.
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

/// The tests of each row, whose first cell begins with the number of the case.
fn rows(table: &str) -> Vec<(usize, Vec<Named<'_>>)> {
    let rows = table.lines().filter_map(|line| {
        let (case, tests) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        let number = case.split_once(". ")?.0.parse().ok()?;
        let tests = tests.split("<br>");
        let tests = tests.map(|cell| named(cell).unwrap_or_else(|| panic!("no test: {cell}")));
        Some((number, tests.collect()))
    });
    rows.collect()
}

#[test]
fn every_case_has_a_test_and_every_test_is_where_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = std::fs::read_to_string(root.join("docs/fault-model-cases.md")).unwrap();
    let laws =
        std::fs::read_to_string(root.join("pledge-core/src/testing/conformance.rs")).unwrap();
    let rows = rows(&table);
    let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=41).collect::<Vec<_>>());
    for (number, tests) in rows {
        assert!(!tests.is_empty(), "case {number} has no test");
        for Named { package, test, file } in tests {
            let source = std::fs::read_to_string(root.join(package).join(file));
            let source = source.unwrap_or_else(|error| panic!("{package}/{file}: {error}"));
            assert!(source.contains(&format!("fn {test}(")), "{test} is not in {package}/{file}");
            let is_law = file.starts_with("src/testing/conformance/");
            assert!(!is_law || laws.contains(test), "no suite runs the law {test}");
        }
    }
}

//! Examples of answers and problems, as the router gave them in a world that a test plays.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::problem::Kind;

type ByName = BTreeMap<String, Value>;

static ANSWERS: LazyLock<ByName> = LazyLock::new(|| {
    let mut answers = parse(include_str!("../../openapi/answers.json"));
    if cfg!(feature = "access") {
        answers.extend(parse(include_str!("../../openapi/access_answers.json")));
    }
    answers
});
static PROBLEMS: LazyLock<ByName> = LazyLock::new(|| {
    let mut problems = parse(include_str!("../../openapi/problems.json"));
    if cfg!(feature = "access") {
        problems.extend(parse(include_str!("../../openapi/access_problems.json")));
    }
    problems
});

fn parse(text: &str) -> ByName {
    serde_json::from_str(text).expect("a test writes it")
}

/// An answer of an operation.
pub(super) fn of_answer(operation: &str) -> Option<Value> {
    ANSWERS.get(operation).cloned()
}

/// A problem of a kind.
pub(super) fn of_problem(kind: Kind) -> Option<Value> {
    PROBLEMS.get(kind.code()).cloned()
}

//! What is wrong with a configuration, by key.

use std::fmt;

/// The full name of a key, such as `chains.sepolia.tokens.usdx.address`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// A key at the top.
    pub fn root(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// A key of the table that this one names.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// An element of the list that this one names, counted from zero.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("PLEDGE_{}", self.0.replace('.', "__").to_uppercase())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One wrong key and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which key, file or flag.
    pub key: String,
    /// What is wrong with it, and the remedy.
    pub what: String,
}

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a wrong key.
    pub fn add(&mut self, key: &Key, what: impl fmt::Display) {
        self.0.push(Problem { key: key.as_str().to_owned(), what: what.to_string() });
    }

    /// Adds the error of a value, or returns the value.
    pub fn take<T, E: fmt::Display>(&mut self, key: &Key, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(key, error)).ok()
    }

    /// Returns a required value, or adds a problem that shows an example.
    pub fn require<T>(&mut self, key: &Key, value: Option<T>, example: &str) -> Option<T> {
        if value.is_none() {
            self.add(key, format_args!("is missing: write {example}"));
        }
        value
    }

    /// The problems, in the order of checking.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Whether nothing is wrong.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An error if anything is wrong.
    pub fn into_result(self) -> Result<(), ConfigError> {
        if self.is_empty() { Ok(()) } else { Err(self.into()) }
    }

    /// Adds what another check found.
    pub fn extend(&mut self, error: ConfigError) {
        self.0.extend(error.problems);
    }
}

/// A configuration that cannot be used: exit code 2. Names every wrong key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// One wrong key.
    pub fn at(key: &Key, what: impl fmt::Display) -> Self {
        let mut problems = Problems::default();
        problems.add(key, what);
        problems.into()
    }

    /// What is wrong, in the order of checking; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What is wrong, without line breaks.
    pub fn in_one_line(&self) -> String {
        let problems = self.problems.iter().map(|Problem { key, what }| format!("{key}: {what}"));
        problems.collect::<Vec<_>>().join("; ")
    }

    /// Maps every key through a function.
    #[must_use]
    pub fn rename(mut self, name: impl Fn(&str) -> String) -> Self {
        for problem in &mut self.problems {
            problem.key = name(&problem.key);
        }
        self
    }
}

impl From<Problems> for ConfigError {
    fn from(problems: Problems) -> Self {
        Self { problems: problems.0 }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        for Problem { key, what } in &self.problems {
            write!(f, "\n  {key}: {what}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

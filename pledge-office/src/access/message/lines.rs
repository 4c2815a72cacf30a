//! The lines of a message, taken one by one.

use super::MalformedMessage;
use super::grammar;

/// What is left of a message.
pub(super) struct Lines<'a> {
    lines: std::iter::Peekable<std::str::Split<'a, char>>,
    /// The next line's number, from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { lines: text.split('\n').peekable(), number: 1 }
    }

    /// Takes the next line, which must be right.
    pub(super) fn take<T>(
        &mut self,
        what: &'static str,
        right: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, MalformedMessage> {
        let line = self.number;
        self.number += 1;
        self.lines.next().and_then(right).ok_or(MalformedMessage { line, what })
    }

    /// Takes the next line, which must begin with a name.
    pub(super) fn field<T>(
        &mut self,
        name: &str,
        what: &'static str,
        right: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, MalformedMessage> {
        self.take(what, |line| line.strip_prefix(name).and_then(right))
    }

    /// Takes the next line if it begins with a name; then the rest of it must be right.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        what: &'static str,
        right: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, MalformedMessage> {
        match self.lines.peek() {
            Some(line) if line.starts_with(name) => self.field(name, what, right).map(Some),
            _ => Ok(None),
        }
    }

    /// The line before the second empty one, if there is a line. A statement may itself be empty: then
    /// two more empty lines follow the first.
    pub(super) fn statement(&mut self) -> Result<Option<String>, MalformedMessage> {
        let first =
            self.take("a statement in plain ASCII, or an empty line", grammar::statement)?;
        match self.lines.peek() {
            Some(&"") => self.take("an empty line", grammar::empty).map(|()| Some(first)),
            _ if first.is_empty() => Ok(None),
            _ => Err(MalformedMessage { line: self.number, what: "an empty line" }),
        }
    }

    /// The list at the end, which may be empty.
    pub(super) fn resources(&mut self) -> Result<Option<Vec<String>>, MalformedMessage> {
        if self.lines.peek() != Some(&"Resources:") {
            return Ok(None);
        }
        self.take("`Resources:`", |_| Some(()))?;
        let mut resources = Vec::new();
        while self.lines.peek().is_some() {
            resources.push(self.field("- ", "`- ` and a URI", grammar::uri)?);
        }
        Ok(Some(resources))
    }

    /// Fails where anything follows.
    pub(super) fn end(&mut self) -> Result<(), MalformedMessage> {
        match self.lines.next() {
            None => Ok(()),
            Some(_) => Err(MalformedMessage { line: self.number, what: "the end of the message" }),
        }
    }
}

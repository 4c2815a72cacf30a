//! The port of what runs by the clock.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use pledge_core::error::{ErrorKind, PortError};
use pledge_core::stop::Stop;
use pledge_core::types::{OutOfRange, Timestamp, checked_name};

/// The name of a task: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskName(String);

impl TaskName {
    /// A task's name. An error for any other text.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        checked_name("task", name).map(Self)
    }

    /// The name, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One run of a task, as the task sees it.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The time for which the run is: the same on every attempt, so that what it writes can have it as a
    /// key. The current time decides nothing in a run.
    pub due: Timestamp,
    /// The number of this attempt, from 1 on.
    pub attempt: u32,
    /// What a person gave to a run that was started by hand; none otherwise. They are texts, so that no
    /// number becomes a float on the way.
    pub parameters: BTreeMap<String, String>,
    /// Asked after each bounded piece of work.
    pub stop: Stop,
    /// Takes what the run reports.
    pub log: Arc<dyn RunLog>,
}

/// Takes what a run reports, for people who watch it. It decides nothing, and never waits.
pub trait RunLog: Debug + Send + Sync + 'static {
    /// One line about what was done. A line break ends it: what follows is left out.
    fn line(&self, text: &str);

    /// How much of the work is done. `total` is 0 where that is unknown.
    fn progress(&self, done: u64, total: u64);
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutcome {
    /// All of it is done. What there is to say about it, in one line.
    Done(String),
    /// `stop` was requested before all of it was done. What was done stays.
    Stopped,
}

/// What is to be done about a run that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskErrorKind {
    /// The same run may succeed later.
    Transient,
    /// The same run fails again until a person has changed something.
    Permanent,
}

impl ErrorKind for TaskErrorKind {}

/// Why a run failed. What it had done stays.
pub type TaskError = PortError<TaskErrorKind>;

/// What a domain does by the clock. When, and on which instance, is not its business.
///
/// # Contract
/// - A run is bounded, and made of bounded pieces between which it asks `stop`.
/// - The same run may be made again, after a crash between its work and its record, also by another
///   instance while this one goes on: it is right then too. What it writes names the state that it builds
///   on, or a claim.
/// - A run whose future is dropped has done a part, and the next goes on behind it.
#[async_trait]
#[auto_impl::auto_impl(Arc, Box)]
pub trait Task: Debug + Send + Sync + 'static {
    /// The name, the same in every release.
    fn name(&self) -> &TaskName;

    /// Makes one run.
    async fn run(&self, context: &RunContext) -> Result<TaskOutcome, TaskError>;
}

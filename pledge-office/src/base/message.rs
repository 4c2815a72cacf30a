//! Messages, and what became of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use pledge_core::primitives::{Keccak256, hex};
use pledge_core::types::OutOfRange;

use super::{RetrySchedule, StoreTime};

/// The name of a channel: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(String);

impl ChannelName {
    /// A channel's name. An error for any other text.
    pub fn new(name: &str) -> Result<Self, OutOfRange> {
        pledge_core::types::checked_name("channel", name).map(Self)
    }

    /// The name, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message's id, by which a receiver drops duplicates. It displays as 32 hex digits.
///
/// It follows from what the message is about, so that what fires twice makes one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// The id of the message about these parts, such as a rule, an event's number and a channel. Other
    /// parts, also the same letters divided in another way, have another id.
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Keccak256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&digest.finalize()[..16]);
        Self(id)
    }

    /// Wraps the bytes of an id.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for MessageId {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let is_plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = is_plain.then(|| hex::decode_to_array(text).ok()).flatten();
        bytes.map(Self).ok_or_else(|| OutOfRange::new("message", text, "32 hex digits"))
    }
}

/// What is sent to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    id: MessageId,
    channel: ChannelName,
    subject: String,
    body: String,
}

impl Message {
    /// The longest subject, in bytes.
    pub const SUBJECT_BYTES_MAX: usize = 250;
    /// The longest body, in bytes.
    pub const BODY_BYTES_MAX: usize = 256 << 10;

    /// A message. An error for a subject that is empty, has more than 250 bytes or a control character,
    /// such as the line feed that would end a mail's header; and for a body of more than 256 KiB.
    pub fn new(
        id: MessageId,
        channel: ChannelName,
        subject: impl Into<String>,
        body: impl Into<String>,
    ) -> Result<Self, OutOfRange> {
        let (subject, body) = (subject.into(), body.into());
        let is_line = !subject.contains(char::is_control);
        if !(1..=Self::SUBJECT_BYTES_MAX).contains(&subject.len()) || !is_line {
            let expected = "1 to 250 bytes on one line";
            return Err(OutOfRange::new("subject of a message", subject, expected));
        }
        if body.len() > Self::BODY_BYTES_MAX {
            let bytes = body.len();
            return Err(OutOfRange::new("length of a message", bytes, "at most 262,144 bytes"));
        }
        Ok(Self { id, channel, subject, body })
    }

    /// By which a receiver drops duplicates.
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Where it goes.
    pub const fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// Its one line, for people.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its text, as the channel's kind wants it.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageState {
    /// What is sent.
    pub message: Message,
    /// When it was written.
    pub enqueued: StoreTime,
    /// The number of attempts that began.
    pub attempts: u32,
    /// What is to be done about it.
    pub status: MessageStatus,
}

/// What is to be done about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStatus {
    /// It is sent from this time on.
    Due(StoreTime),
    /// Its channel has it, since this time.
    Delivered(StoreTime),
    /// It is sent no more, since this time.
    GivenUp(StoreTime),
}

impl MessageStatus {
    /// Whether it is sent now.
    ///
    /// One that is due later than any wait ends is due too: the clock was set back since.
    pub fn is_due(self, now: StoreTime) -> bool {
        matches!(self, Self::Due(due) if due <= now || due > Self::latest_due(now))
    }

    /// When a message is due that waits for so long from `now` on. An error for a wait longer than
    /// [`RetrySchedule::WAIT_MAX`].
    pub fn due_after(now: StoreTime, wait: Duration) -> Result<StoreTime, OutOfRange> {
        let due = (wait <= RetrySchedule::WAIT_MAX).then(|| now.checked_add(wait)).flatten();
        let millis = wait.as_millis();
        due.ok_or_else(|| OutOfRange::new("wait in milliseconds", millis, "at most 1 day"))
    }

    /// The time up to which a message can wait that was written or sent by `now`, with an hour for a clock that
    /// is corrected by itself.
    pub fn latest_due(now: StoreTime) -> StoreTime {
        let longest = RetrySchedule::WAIT_MAX + Duration::from_secs(3_600);
        now.checked_add(longest).unwrap_or(StoreTime::MAX)
    }
}

/// An attempt that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BegunAttempt {
    /// Its number among those of the message, from 1 on.
    pub number: u32,
    /// How many before it have an end. The others were interrupted: they show that the message may have been
    /// sent, and not that it was.
    pub ended_before: u32,
}

/// One attempt to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number among those of the message, from 1 on.
    pub number: u32,
    /// When it began.
    pub began: StoreTime,
    /// How it ended. `None` while it is under way, and for ever where nobody wrote its end: then it is
    /// unknown whether the channel has the message.
    pub end: Option<(StoreTime, AttemptEnd)>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// What follows for its message.
    pub outcome: AttemptOutcome,
    /// What the channel answered, or why it did not.
    pub detail: Detail,
}

/// What an attempt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The channel has the message.
    Delivered,
    /// It has not, and is asked again.
    Again {
        /// How long after the end of this attempt.
        after: Duration,
    },
    /// It has not, and is asked no more.
    GivenUp,
}

/// A text about an attempt, for people: at most [`Detail::BYTES_MAX`] bytes, of which a longer one's last
/// three are an ellipsis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail(String);

impl Detail {
    /// The longest text, in bytes.
    pub const BYTES_MAX: usize = 1_000;

    /// The text, shortened if it is too long.
    pub fn new(text: &str) -> Self {
        if text.len() <= Self::BYTES_MAX {
            return Self(text.to_owned());
        }
        let end = text.floor_char_boundary(Self::BYTES_MAX - '…'.len_utf8());
        Self(format!("{}…", &text[..end]))
    }

    /// The text, no longer than its bound.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, body: &str) -> Result<Message, OutOfRange> {
        Message::new(MessageId::of(&["test"]), ChannelName::new("ops").unwrap(), subject, body)
    }

    #[test]
    fn an_id_follows_from_the_parts_and_from_their_edges() {
        let ids = [
            MessageId::of(&[]),
            MessageId::of(&[""]),
            MessageId::of(&["low_gas", "17"]),
            MessageId::of(&["low_gas1", "7"]),
            MessageId::of(&["low_gas17"]),
            MessageId::of(&["17", "low_gas"]),
        ];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(MessageId::of(&["low_gas", "17"]), ids[2]);
    }

    #[test]
    fn an_id_is_the_same_after_it_was_written_and_read() {
        let id = MessageId::of(&["test"]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(MessageId::from_bytes(id.to_bytes()), id);
        for text in ["", "0x0123456789abcdef0123456789abcd", &format!("{id}0")] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_or_would_end_a_header_is_refused() {
        assert!(message(&"s".repeat(250), &"b".repeat(256 << 10)).is_ok());
        for subject in ["", "two\nlines", "two\r\nBcc: all", "a\u{0}", &"s".repeat(251)] {
            assert!(message(subject, "").is_err(), "{subject:?}");
        }
        assert!(message("s", &"b".repeat((256 << 10) + 1)).is_err());
    }

    #[test]
    fn a_message_is_due_from_its_time_on_and_after_a_clock_was_set_back() {
        let at = |millis| StoreTime::new(millis).unwrap();
        let (now, day_and_hour) = (at(200_000_000), 90_000_000);
        for (due, is_due) in [
            (now.get() - 1, true),
            (now.get(), true),
            (now.get() + 1, false),
            (now.get() + day_and_hour, false),
            (now.get() + day_and_hour + 1, true),
            (StoreTime::MAX.get(), true),
        ] {
            assert_eq!(MessageStatus::Due(at(due)).is_due(now), is_due, "{due}");
        }
        let longest = MessageStatus::due_after(now, RetrySchedule::WAIT_MAX);
        assert!(longest.unwrap() < MessageStatus::latest_due(now));
        let longer = RetrySchedule::WAIT_MAX + Duration::from_millis(1);
        assert!(MessageStatus::due_after(now, longer).is_err());
        assert!(!MessageStatus::Due(StoreTime::MAX).is_due(at(StoreTime::MAX.get() - 1)));
        assert!(!MessageStatus::Delivered(now).is_due(now));
        assert!(!MessageStatus::GivenUp(now).is_due(now));
    }

    #[test]
    fn a_detail_is_shortened_between_two_characters() {
        assert_eq!(Detail::new(&"é".repeat(500)).as_str(), "é".repeat(500));
        let long = Detail::new(&"é".repeat(501));
        assert_eq!(long.as_str(), format!("{}…", "é".repeat(498)));
        assert_eq!(Detail::new(&"x".repeat(9_999)).as_str().len(), Detail::BYTES_MAX);
    }
}

//! The fields of server-sent events, as the HTML standard (9.2.6) has them (pure).

use std::time::Duration;

use crate::Error;

/// The most bytes of one message: more than the longest page of the API.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// A message whose empty line has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) data: String,
}

/// What has come of a stream. Bytes come in parts of any size.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// A line whose end has not come.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return: a line feed behind it is of the same end of line.
    is_after_return: bool,
    name: String,
    data: String,
    id: Option<String>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Fields {
    /// Reads the next bytes; the messages that are whole with them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        for byte in bytes {
            let is_rest_of_end = std::mem::take(&mut self.is_after_return) && *byte == b'\n';
            match byte {
                _ if is_rest_of_end => {}
                b'\n' => messages.extend(self.end_line()),
                b'\r' => {
                    self.is_after_return = true;
                    messages.extend(self.end_line());
                }
                byte if self.line.len() + self.data.len() < MESSAGE_BYTES_MAX => {
                    self.line.push(*byte);
                }
                _ => return Err(Error::TooLong(MESSAGE_BYTES_MAX)),
            }
        }
        Ok(messages)
    }

    /// The last id that counts: that of a message which is whole.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    pub(super) const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_message();
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment, or a field that nobody knows.
            _ => {}
        }
        None
    }

    /// An id counts also where there is no data.
    fn end_message(&mut self) -> Option<Message> {
        if let Some(id) = self.id.take() {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let (name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        data.pop()?;
        Some(Message { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, data: &str) -> Message {
        Message { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn a_stream_is_the_same_messages_however_its_bytes_are_cut_and_its_lines_end() {
        let stream = "retry: 2500\n\nid: 7\n\n:\n\nid: 8\nevent: confirmed\ndata: {\"a\":\"\u{94fe}\"}\n\n\
                      event: state\ndata:x\ndata: y\n\nevent: nothing\n\ndata: last";
        let expected = [message("confirmed", "{\"a\":\"\u{94fe}\"}"), message("state", "x\ny")];
        for ends in ["\n", "\r", "\r\n"] {
            let bytes = stream.replace('\n', ends).into_bytes();
            for size in 1..=bytes.len() {
                let mut fields = Fields::default();
                let mut messages = Vec::new();
                for part in bytes.chunks(size) {
                    messages.extend(fields.read(part).unwrap());
                }
                assert_eq!(messages, expected, "parts of {size}, {ends:?}");
                assert_eq!(fields.last_id(), Some("8"));
                assert_eq!(fields.retry(), Some(Duration::from_millis(2_500)));
            }
        }
    }

    #[test]
    fn an_id_counts_once_its_message_is_whole() {
        let mut fields = Fields::default();
        assert_eq!(fields.read(b"id: 7\ndata: x\n").unwrap(), []);
        assert_eq!(fields.last_id(), None);
        assert_eq!(fields.read(b"\n").unwrap(), [message("", "x")]);
        assert_eq!(fields.last_id(), Some("7"));
    }

    #[test]
    fn a_message_without_end_is_refused() {
        let mut fields = Fields::default();
        let part = vec![b'x'; 1 << 20];
        let read = (0..40).map(|_| fields.read(&part)).find(Result::is_err);
        assert!(matches!(read, Some(Err(Error::TooLong(_)))));
    }
}

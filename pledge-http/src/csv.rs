//! Tables of RFC 4180: how every file of the server that has rows is written.
//!
//! Every field is in quotes. Spreadsheets take a field that begins as a formula does for one, quotes or not, so a
//! text of people or of other servers that begins so gets a `'` before it. A text that begins with a `'` gets one
//! too: so who takes one `'` away from a text that begins with it has the text. What the server words itself, such
//! as a number with its sign, is written as it is.

/// What a formula begins with, or what a spreadsheet skips before it (OWASP, "CSV Injection"). The last four are
/// the wide forms of the first.
const OF_A_FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// What the server words itself: it never is a formula.
    Exact(String),
    /// What others wrote, or a part of it.
    Text(String),
}

impl Field {
    /// The field in its quotes.
    fn quoted(&self) -> String {
        let (mark, text) = match self {
            Self::Exact(text) => ("", text),
            Self::Text(text) => (if may_mislead(text) { "'" } else { "" }, text),
        };
        format!("\"{mark}{}\"", text.replace('"', "\"\""))
    }
}

/// Whether a text begins as a formula does, or with what marks one that does.
fn may_mislead(text: &str) -> bool {
    text.starts_with(OF_A_FORMULA) || text.starts_with('\'')
}

/// A row with its end.
pub(crate) fn row(fields: &[Field]) -> String {
    let quoted: Vec<_> = fields.iter().map(Field::quoted).collect();
    quoted.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        row(&[Field::Text(text.to_owned())])
    }

    #[test]
    fn a_text_that_begins_as_a_formula_does_is_marked() {
        for first in OF_A_FORMULA {
            let text = format!("{first}HYPERLINK(1)");
            assert_eq!(written(&text), format!("\"'{text}\"\r\n"));
        }
    }

    #[test]
    fn a_text_that_begins_otherwise_is_as_it_is() {
        for text in ["", "a=1", " =1", "moving the node", "{\"a\":-1}", "::1"] {
            assert_eq!(written(text), format!("\"{}\"\r\n", text.replace('"', "\"\"")));
        }
    }

    #[test]
    fn every_text_is_found_again_by_taking_one_mark_away() {
        for text in ["=1", "'=1", "''", "'", "plain", "-\"quoted\""] {
            let field = written(text);
            let inside = field.strip_prefix('"').and_then(|rest| rest.strip_suffix("\"\r\n"));
            let inside = inside.expect("a field in quotes").replace("\"\"", "\"");
            assert_eq!(inside.strip_prefix('\'').unwrap_or(&inside), text, "{field}");
        }
    }

    #[test]
    fn what_the_server_words_itself_is_exact() {
        let fields = [Field::Exact("-7".to_owned()), Field::Exact("0".to_owned())];
        assert_eq!(row(&fields), "\"-7\",\"0\"\r\n");
    }
}

//! From text to tokens.
//!
//! Blanks (space, tab, line breaks) are needed only where two words would run together, and more
//! of them mean nothing. What may stand as a value depends on the place, so values are read by
//! [`Lexer::value`] and everything else by [`Lexer::next`].

use std::ops::Range;

use scim_schema::validate::Leniency;
use serde_json::Number;

use crate::{
    ast::CompareValue,
    error::{FilterError, excerpt},
};

/// Bytes of the whole text.
pub(crate) type Span = Range<usize>;

/// A piece of a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token<'t> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// A path, operator or key word: everything up to a blank, quote, parenthesis or bracket.
    Word(&'t str),
    /// A double quote where no value is due.
    Quote,
    /// The end of the text.
    End,
}

impl Token<'_> {
    /// Whether this is the key word, in any letter case (RFC 7644 §3.4.2.2; ABNF strings ignore case).
    pub(crate) fn is_word(self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// A cursor over the text; copying it looks ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t str,
    position: usize,
    end: usize,
}

impl<'t> Lexer<'t> {
    /// Reads the part of `text` in `range`; spans are those of `text`.
    pub(crate) fn new(text: &'t str, range: Span) -> Self {
        Self { text, position: range.start, end: range.end }
    }

    /// The byte the cursor stands at.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Reads a token.
    pub(crate) fn next(&mut self) -> (Token<'t>, Span) {
        self.skip_blanks();
        let rest = self.rest();
        let (token, length) = match rest.chars().next() {
            None => (Token::End, 0),
            Some('(') => (Token::Open, 1),
            Some(')') => (Token::Close, 1),
            Some('[') => (Token::OpenBracket, 1),
            Some(']') => (Token::CloseBracket, 1),
            Some('"') => (Token::Quote, 1),
            Some(_) => {
                let ends = |c: char| is_blank(c) || matches!(c, '(' | ')' | '[' | ']' | '"');
                let length = rest.find(ends).unwrap_or(rest.len());
                (Token::Word(rest.get(..length).unwrap_or_default()), length)
            }
        };
        (token, self.advance(length))
    }

    /// What [`Self::next`] would read.
    pub(crate) fn peek(&self) -> (Token<'t>, Span) {
        let mut ahead = *self;
        ahead.next()
    }

    /// Reads a comparison value. `loose` accepts more than JSON strings, see
    /// [`crate::parser::Leniencies::loose_values`].
    pub(crate) fn value(&mut self, loose: Leniency) -> Result<CompareValue, FilterError> {
        self.skip_blanks();
        let rest = self.rest();
        match rest.chars().next() {
            Some('"') if loose.accepts() => self.loosely_quoted('"').map(CompareValue::String),
            Some('"') => self.quoted().map(CompareValue::String),
            Some('\'') if loose.accepts() => self.loosely_quoted('\'').map(CompareValue::String),
            _ => self.unquoted(loose),
        }
    }

    /// A JSON string.
    fn quoted(&mut self) -> Result<String, FilterError> {
        let rest = self.rest();
        let Some(close) = closing_quotes(rest, '"').next() else {
            return Err(self.fault(rest.len(), "the string has no closing quote"));
        };
        let length = close.saturating_add(1);
        let slice = rest.get(..length).unwrap_or_default();
        let after = rest.get(length..).unwrap_or_default();
        if !after.is_empty() && !after.starts_with(ends_value) {
            self.advance(length);
            return Err(self.fault(
                after.find(ends_value).unwrap_or(after.len()),
                "expected a blank or the end after the string; a quote inside a string is written \\\"",
            ));
        }
        let value = self.decode(slice, length)?;
        self.advance(length);
        Ok(value)
    }

    /// A string whose inner quotes may stand unescaped. It ends at the first quote after which the
    /// filter can go on, so that a filter in RFC form reads as it would without the leniency; else
    /// at the last quote.
    fn loosely_quoted(&mut self, quote: char) -> Result<String, FilterError> {
        let rest = self.rest();
        let goes_on = |close: &usize| rest.get(close.saturating_add(1)..).is_some_and(filter_can_go_on);
        let first = closing_quotes(rest, quote).find(goes_on);
        let Some(close) = first.or_else(|| closing_quotes(rest, quote).last()) else {
            return Err(self.fault(rest.len(), "the string has no closing quote"));
        };
        let length = close.saturating_add(1);
        let inside = rest.get(1..close).unwrap_or_default();
        let mut json = String::with_capacity(length);
        json.push('"');
        let mut characters = inside.chars();
        while let Some(c) = characters.next() {
            match c {
                '"' => json.push_str("\\\""),
                '\\' => match characters.next() {
                    Some('\'') => json.push('\''),
                    escaped => {
                        json.push('\\');
                        json.extend(escaped);
                    }
                },
                _ => json.push(c),
            }
        }
        json.push('"');
        let value = self.decode(&json, length)?;
        self.advance(length);
        Ok(value)
    }

    /// A number, `true`, `false` or `null`; any text if `loose`.
    fn unquoted(&mut self, loose: Leniency) -> Result<CompareValue, FilterError> {
        const EXPECTED: &str = "expected a value: a quoted string, number, true, false or null";
        let rest = self.rest();
        let length = rest.find(ends_value).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        if word.is_empty() {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            return Err(self.fault(length, EXPECTED));
        }
        let value = if word.eq_ignore_ascii_case("true") {
            CompareValue::Boolean(true)
        } else if word.eq_ignore_ascii_case("false") {
            CompareValue::Boolean(false)
        } else if word.eq_ignore_ascii_case("null") {
            CompareValue::Null
        } else {
            match (parse_number(word), loose) {
                // A loose value may be text that looks like a number; one that would not print
                // back as it was written is kept as text, and read as a number if one is due.
                (Some(number), Leniency::Accept) if number.to_string() != word => CompareValue::String(word.to_owned()),
                (Some(number), _) => CompareValue::Number(number),
                (None, Leniency::Accept) => CompareValue::String(word.to_owned()),
                (None, Leniency::Refuse) if word.starts_with('\'') => {
                    return Err(self.fault(length, "a string stands in double quotes, not in single ones"));
                }
                (None, Leniency::Refuse) if is_too_large(word) => {
                    return Err(self.fault(length, "the number is too large"));
                }
                (None, Leniency::Refuse) => return Err(self.fault(length, EXPECTED)),
            }
        };
        self.advance(length);
        Ok(value)
    }

    fn decode(&self, json: &str, length: usize) -> Result<String, FilterError> {
        let inside = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        // Most strings have nothing in them that JSON would read as something else.
        if let Some(plain) = inside.filter(|text| text.bytes().all(|b| b >= b' ' && b != b'\\' && b != b'"')) {
            return Ok(plain.to_owned());
        }
        serde_json::from_str(json).map_err(|source| {
            let reason = if source.to_string().contains("control character") {
                "a control character inside a string is written as an escape such as \\n or \\u0000"
            } else {
                "the string has an escape that JSON does not know; a backslash is written \\\\"
            };
            self.fault(length, reason)
        })
    }

    fn fault(&self, length: usize, reason: &str) -> FilterError {
        FilterError::new(self.text, self.position..self.position.saturating_add(length), reason)
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..self.end).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let blanks = rest.len().saturating_sub(rest.trim_start_matches(is_blank).len());
        self.advance(blanks);
    }

    fn advance(&mut self, length: usize) -> Span {
        let start = self.position;
        self.position = start.saturating_add(length);
        start..self.position
    }
}

/// Space, tab and line breaks.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// A JSON number (RFC 8259 §6), correctly rounded; `None` if it is none or too large.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    // Leading and trailing white space would be JSON, but is never part of a word.
    let number: Number = serde_json::from_str(text).ok()?;
    if number.is_f64() {
        // serde_json is allowed to be off by one unit in the last place; printing and reading
        // again must give the same number.
        return text.parse().ok().and_then(Number::from_f64);
    }
    Some(number)
}

/// Whether a JSON number is beyond what can be held, so that nothing equals it.
fn is_too_large(text: &str) -> bool {
    let error = serde_json::from_str::<Number>(text).err();
    error.is_some_and(|error| error.to_string().starts_with("number out of range"))
}

/// A token as words for an error sentence.
pub(crate) fn found(token: Token<'_>) -> String {
    match token {
        Token::Open => "'('".to_owned(),
        Token::Close => "')'".to_owned(),
        Token::OpenBracket => "'['".to_owned(),
        Token::CloseBracket => "']'".to_owned(),
        Token::Word(word) => format!("'{}'", excerpt(word)),
        Token::Quote => "a quote".to_owned(),
        Token::End => "the end".to_owned(),
    }
}

fn ends_value(c: char) -> bool {
    is_blank(c) || matches!(c, ')' | ']')
}

/// Offsets of the quotes that are not escaped, but the opening one.
fn closing_quotes(text: &str, quote: char) -> impl Iterator<Item = usize> {
    let mut escaped = false;
    text.char_indices().skip(1).filter_map(move |(offset, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(offset)
    })
}

/// Whether a filter could go on like this behind a string.
fn filter_can_go_on(after: &str) -> bool {
    let mut ahead = Lexer::new(after, 0..after.len());
    if !after.is_empty() && !after.starts_with(ends_value) {
        return false;
    }
    match ahead.next().0 {
        Token::End | Token::Close | Token::CloseBracket => true,
        token if token.is_word("and") || token.is_word("or") => {
            matches!(ahead.next().0, Token::Open | Token::Word(_))
        }
        _ => false,
    }
}

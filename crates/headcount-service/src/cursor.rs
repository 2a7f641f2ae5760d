//! Cursors of result pages (RFC 9865): stateless, authenticated, opaque to the client.
//!
//! A cursor says where a page ended and what query it belongs to. It is base64url (unreserved
//! characters only) of the fields below and their HMAC-SHA256, at most 512 characters.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use headcount_model::{ConnectionKey, Secret, Seq, Timestamp};
use headcount_store::page::{PageKey, SortValue};
use hmac::{Hmac, KeyInit, Mac};
use scim_schema::{ScimError, ScimType};
use sha2::{Digest, Sha256};

/// The layout of the fields; another one is another number.
const LAYOUT: u8 = 1;

/// Longest sort value that is carried in the cursor itself, in bytes.
const MAX_SORT_BYTES: usize = 250;

/// Longest cursor that is looked at, in characters.
const MAX_CHARACTERS: usize = 512;

const MAC_BYTES: usize = 32;

/// What a page was asked for with, but for its count and position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    /// Who asks.
    pub(crate) connection: ConnectionKey,
    /// Digest of resource types, filter and sort.
    pub(crate) digest: [u8; 16],
}

/// Which reading of the filter the pages follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// The filter as it was read first.
    First,
    /// The other reading, tried because the first found nothing.
    Retry,
}

/// Where the page before ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Place {
    pub(crate) reading: Reading,
    pub(crate) key: KeyInCursor,
}

/// The last key of a page.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum KeyInCursor {
    /// The key itself.
    Whole(PageKey),
    /// The sort value is too long to be carried: it is read again from the row, and must have this
    /// digest still.
    Long {
        /// The row.
        seq: Seq,
        /// Digest of the sort value.
        digest: [u8; 16],
    },
}

/// The first half of the SHA-256 of parts, each behind its length.
pub(crate) fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(hasher.finalize()) {
        *to = from;
    }
    half
}

/// Writes a cursor.
pub(crate) fn write(
    key: &Secret,
    question: &Question,
    count: u64,
    issued: Timestamp,
    reading: Reading,
    last: &PageKey,
) -> String {
    let mut fields = vec![LAYOUT];
    fields.extend(question.connection.0.to_be_bytes());
    fields.extend(question.digest);
    fields.extend(count.to_be_bytes());
    fields.extend(issued.micros().to_be_bytes());
    fields.push(match reading {
        Reading::First => 0,
        Reading::Retry => 1,
    });
    fields.extend(last.seq.0.to_be_bytes());
    match &last.sort {
        None => fields.push(0),
        Some(SortValue::Text(text)) if text.len() <= MAX_SORT_BYTES => {
            fields.push(1);
            fields.extend(text.as_bytes());
        }
        Some(SortValue::Text(text)) => {
            fields.push(2);
            fields.extend(digest(&[text]));
        }
        Some(SortValue::Number(number)) => {
            fields.push(3);
            fields.extend(number.to_bits().to_be_bytes());
        }
        Some(SortValue::Integer(number)) => {
            fields.push(4);
            fields.extend(number.to_be_bytes());
        }
    }
    let mac = mac(key, &fields).finalize().into_bytes();
    fields.extend(mac);
    URL_SAFE_NO_PAD.encode(fields)
}

/// Reads a cursor back.
///
/// # Errors
/// 400 `invalidCursor` (altered, of another connection, filter or sort), `expiredCursor`,
/// `invalidCount` (another count than that of the page before).
pub(crate) fn read(
    key: &Secret,
    text: &str,
    question: &Question,
    count: u64,
    now: Timestamp,
    timeout_s: i64,
) -> Result<Place, ScimError> {
    let (issued, used_count, place) = open(key, text, question).ok_or_else(invalid)?;
    if now.seconds_since(issued) > timeout_s {
        return Err(expired(timeout_s));
    }
    if used_count != count {
        return Err(ScimError::typed(
            ScimType::InvalidCount,
            format!(
                "the cursor belongs to pages of {used_count} and count says {count}; send the same count with every page"
            ),
        ));
    }
    Ok(place)
}

fn invalid() -> ScimError {
    ScimError::typed(
        ScimType::InvalidCursor,
        "the cursor is not one that this query was answered with; send nextCursor as it was received, with the same filter, sort and count, or begin again with an empty cursor",
    )
}

fn expired(timeout_s: i64) -> ScimError {
    ScimError::typed(
        ScimType::ExpiredCursor,
        format!("the cursor is older than {timeout_s} seconds; begin again with an empty cursor"),
    )
}

/// The row at which the page before ended has gone or has another value, so that its place in the
/// order cannot be found any more.
pub(crate) fn moved() -> ScimError {
    ScimError::typed(
        ScimType::ExpiredCursor,
        "the resource at which the page before ended has changed, so the next page cannot be found without gaps; begin again with an empty cursor",
    )
}

fn open(key: &Secret, text: &str, question: &Question) -> Option<(Timestamp, u64, Place)> {
    if text.len() > MAX_CHARACTERS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (fields, tag) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
    mac(key, fields).verify_slice(tag).ok()?;
    let mut rest = Fields(fields);
    if rest.take::<1>()? != [LAYOUT] {
        return None;
    }
    let connection = ConnectionKey(i64::from_be_bytes(rest.take()?));
    let digest = rest.take::<16>()?;
    if (Question { connection, digest }) != *question {
        return None;
    }
    let count = u64::from_be_bytes(rest.take()?);
    let issued = Timestamp::from_micros(i64::from_be_bytes(rest.take()?));
    let reading = match rest.take::<1>()? {
        [0] => Reading::First,
        [1] => Reading::Retry,
        _ => return None,
    };
    let seq = Seq(i64::from_be_bytes(rest.take()?));
    let sort = match rest.take::<1>()? {
        [0] => None,
        [1] => Some(SortValue::Text(String::from_utf8(rest.0.to_vec()).ok()?)),
        [2] => {
            let key = KeyInCursor::Long { seq, digest: rest.take()? };
            return Some((issued, count, Place { reading, key }));
        }
        [3] => Some(SortValue::Number(f64::from_bits(u64::from_be_bytes(rest.take()?)))),
        [4] => Some(SortValue::Integer(i64::from_be_bytes(rest.take()?))),
        _ => return None,
    };
    Some((issued, count, Place { reading, key: KeyInCursor::Whole(PageKey { sort, seq }) }))
}

fn mac(key: &Secret, fields: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104 §2), so the fallback is never used.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .unwrap_or_else(|_invalid_length| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(fields);
    mac
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Secret {
        Secret::new("a key for tests")
    }

    const QUESTION: Question = Question { connection: ConnectionKey(7), digest: [3; 16] };

    fn cursor(sort: Option<SortValue>) -> String {
        let last = PageKey { sort, seq: Seq(41) };
        write(&key(), &QUESTION, 10, Timestamp::from_micros(1_000_000), Reading::Retry, &last)
    }

    /// RFC 9865 §2.
    #[test]
    fn a_cursor_reads_back() {
        for sort in [
            None,
            Some(SortValue::Text("é".repeat(125))),
            Some(SortValue::Number(-1.5)),
            Some(SortValue::Integer(i64::MIN)),
        ] {
            let text = cursor(sort.clone());
            assert!(text.len() <= MAX_CHARACTERS);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
            let place = read(&key(), &text, &QUESTION, 10, Timestamp::from_micros(2_000_000), 3_600).unwrap();
            assert_eq!(
                place,
                Place { reading: Reading::Retry, key: KeyInCursor::Whole(PageKey { sort, seq: Seq(41) }) }
            );
        }
    }

    #[test]
    fn a_long_sort_value_is_carried_as_its_digest() {
        let long = "x".repeat(4_000);
        let text = cursor(Some(SortValue::Text(long.clone())));
        assert!(text.len() <= MAX_CHARACTERS);
        let place = read(&key(), &text, &QUESTION, 10, Timestamp::from_micros(0), 3_600).unwrap();
        assert_eq!(place.key, KeyInCursor::Long { seq: Seq(41), digest: digest(&[&long]) });
    }

    /// RFC 9865 §5.
    #[test]
    fn any_altered_character_is_refused() {
        let text = cursor(None);
        for index in 0..text.len() {
            let mut altered: Vec<u8> = text.bytes().collect();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let error = read(&key(), &altered, &QUESTION, 10, Timestamp::from_micros(0), 3_600).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidCursor), "{index}");
        }
    }

    #[test]
    fn each_misuse_has_its_key_word() {
        let text = cursor(None);
        let at = Timestamp::from_micros(1_000_000);
        let refused = |key: &Secret, text: &str, question: &Question, count, now| {
            read(key, text, question, count, now, 3_600).unwrap_err().scim_type
        };
        let other = Question { connection: ConnectionKey(8), ..QUESTION };
        assert_eq!(refused(&key(), &text, &other, 10, at), Some(ScimType::InvalidCursor));
        let other = Question { digest: [4; 16], ..QUESTION };
        assert_eq!(refused(&key(), &text, &other, 10, at), Some(ScimType::InvalidCursor));
        assert_eq!(refused(&Secret::new("other"), &text, &QUESTION, 10, at), Some(ScimType::InvalidCursor));
        assert_eq!(refused(&key(), "", &QUESTION, 10, at), Some(ScimType::InvalidCursor));
        assert_eq!(refused(&key(), &"A".repeat(600), &QUESTION, 10, at), Some(ScimType::InvalidCursor));
        assert_eq!(refused(&key(), &text, &QUESTION, 11, at), Some(ScimType::InvalidCount));
        assert_eq!(refused(&key(), &text, &QUESTION, 10, at.plus_seconds(3_601)), Some(ScimType::ExpiredCursor));
        assert!(read(&key(), &text, &QUESTION, 10, at.plus_seconds(3_600), 3_600).is_ok());
    }
}

//! `startIndex`, `count` and `cursor` (RFC 7644 §3.4.2.4; RFC 9865 §2).

use scim_schema::{ScimError, ScimType, validate::Leniency};

use crate::{limits::Limits, service::QueryRequest};

/// Which part of a result is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Paging {
    /// By index.
    Index {
        /// From 1.
        start: u64,
        /// At most so many.
        count: u64,
    },
    /// By cursor; an empty text asks for the first page.
    Cursor {
        /// As sent.
        cursor: String,
        /// At most so many.
        count: u64,
    },
}

impl Paging {
    /// Reads the parameters. `loose`: what is no integer counts as absent.
    ///
    /// # Errors
    /// 400 `invalidValue` (no integer; `startIndex` beside `cursor`), `invalidCount` (a page of a
    /// cursor that is larger than `maxPageSize`).
    pub(crate) fn of(request: &QueryRequest, limits: &Limits, loose: Leniency) -> Result<Self, ScimError> {
        let count = integer("count", request.count.as_deref(), loose)?;
        let start = integer("startIndex", request.start_index.as_deref(), loose)?;
        if let Some(cursor) = &request.cursor {
            if request.start_index.is_some() {
                return Err(ScimError::invalid_value(
                    "startIndex and cursor are two ways to page and cannot be used together; send one of them",
                ));
            }
            let count = count.unwrap_or(limits.default_page);
            if count > limits.max_page {
                return Err(ScimError::typed(
                    ScimType::InvalidCount,
                    format!("count is larger than the largest page, {}; send at most that", limits.max_page),
                ));
            }
            return Ok(Self::Cursor { cursor: cursor.clone(), count });
        }
        Ok(Self::Index {
            start: start.unwrap_or(1).max(1),
            count: count.unwrap_or(limits.default_page).min(limits.max_page),
        })
    }
}

/// A whole number; negative ones count as 0, and those beyond 64 bits as the largest.
fn integer(name: &str, text: Option<&str>, loose: Leniency) -> Result<Option<u64>, ScimError> {
    let Some(text) = text else { return Ok(None) };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if loose.accepts() {
            return Ok(None);
        }
        return Err(ScimError::invalid_value(format!("{name} is no whole number; send digits only, such as {name}=1")));
    }
    if negative {
        return Ok(Some(0));
    }
    // All digits, so it can only be too large.
    Ok(Some(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(start_index: Option<&str>, count: Option<&str>, loose: Leniency) -> Result<(u64, u64), ScimError> {
        let request = QueryRequest {
            start_index: start_index.map(ToOwned::to_owned),
            count: count.map(ToOwned::to_owned),
            ..QueryRequest::default()
        };
        match Paging::of(&request, &Limits::default(), loose)? {
            Paging::Index { start, count } => Ok((start, count)),
            Paging::Cursor { .. } => unreachable!("no cursor was sent"),
        }
    }

    #[test]
    fn rfc7644_3_4_2_4_index_parameters() {
        for (start, count, expected) in [
            (None, None, (1, 100)),
            (Some("0"), Some("0"), (1, 0)),
            (Some("-5"), Some("-1"), (1, 0)),
            (Some("7"), Some("501"), (7, 500)),
            (Some("99999999999999999999"), Some("99999999999999999999"), (u64::MAX, 500)),
        ] {
            assert_eq!(page(start, count, Leniency::Refuse), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_integer_is_refused_or_taken_as_absent() {
        for text in ["", "x", "1.5", "+1", " 1", "-", "1e3"] {
            assert_eq!(page(Some(text), None, Leniency::Refuse).unwrap_err().scim_type, Some(ScimType::InvalidValue));
            assert_eq!(page(None, Some(text), Leniency::Refuse).unwrap_err().scim_type, Some(ScimType::InvalidValue));
            assert_eq!(page(Some(text), Some(text), Leniency::Accept), Ok((1, 100)));
        }
    }
}

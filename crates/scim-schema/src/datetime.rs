//! xsd:dateTime values (RFC 7643 §2.3.5).

/// Parses an xsd:dateTime (date, `T`, time, optional fraction, zone `Z` or offset; a value without
/// a zone is read as UTC) to microseconds since 1970-01-01T00:00:00Z; `None` if it is none.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let _ = text;
    todo!()
}

/// Prints microseconds since the epoch in UTC with three digits of fraction and `Z`, as every
/// answer does: `2026-11-24T08:00:00.000Z`.
#[must_use]
pub fn print(micros: i64) -> String {
    let _ = micros;
    todo!()
}

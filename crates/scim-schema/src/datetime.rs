//! xsd:dateTime values (RFC 7643 §2.3.5).

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Parses an xsd:dateTime (date, `T`, time, optional fraction, zone `Z` or offset; a value without
/// a zone is read as UTC) to microseconds since 1970-01-01T00:00:00Z; `None` if it is none.
///
/// Years are 0001 to 9999. Digits of the fraction past the sixth are cut. `24:00:00` is the
/// beginning of the next day, as XML Schema has it; leap seconds are not part of xsd:dateTime.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let mut cursor = Cursor { rest: text.as_bytes() };
    let year = cursor.digits(4)?;
    cursor.eat(b'-')?;
    let month = cursor.digits(2)?;
    cursor.eat(b'-')?;
    let day = cursor.digits(2)?;
    cursor.eat(b'T')?;
    let hour = cursor.digits(2)?;
    cursor.eat(b':')?;
    let minute = cursor.digits(2)?;
    cursor.eat(b':')?;
    let second = cursor.digits(2)?;
    let fraction = if cursor.eat(b'.').is_some() { cursor.fraction()? } else { 0 };
    let offset_minutes = cursor.zone()?;
    if !cursor.rest.is_empty() || year == 0 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let end_of_day = hour == 24 && minute == 0 && second == 0 && fraction == 0;
    let time = NaiveTime::from_hms_opt(if end_of_day { 0 } else { hour }, minute, second)?;
    let mut micros = date.and_time(time).and_utc().timestamp_micros();
    if end_of_day {
        micros = micros.checked_add(MICROS_PER_DAY)?;
    }
    micros.checked_add(i64::from(fraction))?.checked_sub(i64::from(offset_minutes).checked_mul(60 * MICROS_PER_SECOND)?)
}

/// How fine the fraction of a printed second is; finer digits are cut, not rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fraction {
    /// Three digits.
    Millis,
    /// Six digits.
    Micros,
}

/// Prints microseconds since the epoch in UTC with three digits of fraction and `Z`, as every
/// answer does: `2026-11-24T08:00:00.000Z`. Finer digits are cut, not rounded; an instant that the
/// calendar cannot hold prints as the nearest that it can.
#[must_use]
pub fn print(micros: i64) -> String {
    let mut text = String::with_capacity(SHAPE_MILLIS.len());
    // Writing to a string cannot fail.
    let _ = write(&mut text, micros, Fraction::Millis);
    text
}

/// Writes what [`print()`] makes, with as many digits of fraction as are wanted, without a string of
/// its own.
///
/// # Errors
/// As the writer.
pub fn write(out: &mut dyn fmt::Write, micros: i64, fraction: Fraction) -> fmt::Result {
    let nearest = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    let at = DateTime::from_timestamp_micros(micros).unwrap_or(nearest);
    let Some(year) = u32::try_from(at.year()).ok().filter(|year| *year <= 9999) else {
        return write_far(out, at, fraction);
    };
    // The calendar is chrono's; only its digits are written here, without formatting machinery. Asked in
    // a zone, even UTC, it would begin anew for each of them.
    let at = at.naive_utc();
    let rest = (at.nanosecond() / 1_000).min(999_999);
    let (mut line, length) = match fraction {
        Fraction::Millis => (*SHAPE_MICROS, SHAPE_MILLIS.len()),
        Fraction::Micros => (*SHAPE_MICROS, SHAPE_MICROS.len()),
    };
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, at.month()),
        (8, at.day()),
        (11, at.hour()),
        (14, at.minute()),
        (17, at.second()),
        (20, rest / 10_000),
        (22, rest / 100 % 100),
        (24, rest % 100),
    ];
    for (at, number) in pairs {
        if let Some([tens, ones]) = line.get_mut(at..at + 2) {
            *tens = digit(number / 10);
            *ones = digit(number % 10);
        }
    }
    if let (Fraction::Millis, Some(zone)) = (fraction, line.get_mut(length - 1)) {
        *zone = b'Z';
    }
    let line = line.get(..length).unwrap_or_default();
    out.write_str(std::str::from_utf8(line).unwrap_or_default())
}

/// What is printed, before its digits are.
const SHAPE_MILLIS: &[u8; 24] = b"0000-00-00T00:00:00.000Z";
const SHAPE_MICROS: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

fn digit(number: u32) -> u8 {
    b'0'.saturating_add(u8::try_from(number).unwrap_or(0))
}

/// Instants of years that have not four digits.
fn write_far(out: &mut dyn fmt::Write, at: DateTime<Utc>, fraction: Fraction) -> fmt::Result {
    write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
    )?;
    match fraction {
        Fraction::Millis => write!(out, "{:03}Z", at.timestamp_subsec_millis().min(999)),
        Fraction::Micros => write!(out, "{:06}Z", at.timestamp_subsec_micros().min(999_999)),
    }
}

/// What is left to read.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        if self.rest.first() == Some(&wanted) { self.next().map(|_| ()) } else { None }
    }

    fn digit(&mut self) -> Option<u32> {
        let first = self.rest.first()?;
        if !first.is_ascii_digit() {
            return None;
        }
        self.next().map(|byte| u32::from(byte.saturating_sub(b'0')))
    }

    fn digits(&mut self, count: u32) -> Option<u32> {
        let mut number = 0_u32;
        for _ in 0..count {
            number = number.checked_mul(10)?.checked_add(self.digit()?)?;
        }
        Some(number)
    }

    /// At least one digit; the microseconds of the first six.
    fn fraction(&mut self) -> Option<u32> {
        let mut micros = self.digit()?.checked_mul(100_000)?;
        let mut unit = 10_000_u32;
        while let Some(digit) = self.digit() {
            micros = micros.checked_add(digit.checked_mul(unit)?)?;
            unit /= 10;
        }
        Some(micros)
    }

    /// The zone's distance from UTC in minutes; no zone is UTC.
    fn zone(&mut self) -> Option<i32> {
        let sign = match self.next() {
            None | Some(b'Z') => return Some(0),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        let hours = self.digits(2)?;
        self.eat(b':')?;
        let minutes = self.digits(2)?;
        // XML Schema, part 2, §3.2.7.3: offsets go up to fourteen hours.
        if minutes > 59 || hours > 14 || hours == 14 && minutes > 0 {
            return None;
        }
        let total = i32::try_from(hours.checked_mul(60)?.checked_add(minutes)?).ok()?;
        total.checked_mul(sign)
    }
}

#[cfg(test)]
mod tests;

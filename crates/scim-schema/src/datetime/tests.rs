use proptest::prelude::*;

use chrono::{DateTime, SecondsFormat};

use super::{Fraction, parse, print, write};

/// RFC 7643 §2.3.5.
#[test]
fn date_times_that_are_read() {
    for (text, printed) in [
        ("2008-01-23T04:56:22Z", "2008-01-23T04:56:22.000Z"),
        ("2011-05-13T04:42:34Z", "2011-05-13T04:42:34.000Z"),
        ("2026-11-24T08:00:00", "2026-11-24T08:00:00.000Z"),
        ("2026-11-24T08:00:00.1Z", "2026-11-24T08:00:00.100Z"),
        ("2026-11-24T08:00:00.1239999999Z", "2026-11-24T08:00:00.123Z"),
        ("2026-11-24T08:00:00+02:00", "2026-11-24T06:00:00.000Z"),
        ("2026-11-24T08:00:00-14:00", "2026-11-24T22:00:00.000Z"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(parse(text).map(print).as_deref(), Some(printed), "{text}");
    }
    assert_eq!(parse("1970-01-01T00:00:01.000002Z"), Some(1_000_002));
}

/// RFC 7643 §2.3.5.
#[test]
fn texts_that_are_no_date_time() {
    for text in [
        "",
        "2026-11-24",
        "2026-11-24 08:00:00Z",
        "2026-11-24t08:00:00z",
        "2026-11-24T08:00Z",
        "2026-11-24T08:00:00.Z",
        "2026-11-24T08:00:00Z ",
        "2026-11-24T08:00:00+0200",
        "2026-11-24T08:00:00+14:01",
        "2026-11-24T08:00:60Z",
        "2026-11-24T24:00:01Z",
        "2026-13-24T08:00:00Z",
        "2025-02-29T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "-2026-11-24T08:00:00Z",
        "２026-11-24T08:00:00Z",
        "now",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn instants_outside_the_calendar_print_without_a_panic() {
    assert!(print(i64::MAX).ends_with('Z'));
    assert!(print(i64::MIN).ends_with('Z'));
    assert_eq!(print(253_402_300_800_000_000), "10000-01-01T00:00:00.000Z");
    assert_eq!(print(-62_167_219_200_000_001), "-001-12-31T23:59:59.999Z");
    assert_eq!(print(-62_167_219_200_000_000), "0000-01-01T00:00:00.000Z");
}

proptest! {
    #[test]
    fn what_is_printed_is_the_instant_cut_to_milliseconds(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
        prop_assert_eq!(parse(&print(micros)), Some(micros.div_euclid(1000) * 1000));
    }

    #[test]
    fn printing_agrees_with_chrono(micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
        let at = DateTime::from_timestamp_micros(micros).unwrap();
        prop_assert_eq!(print(micros), at.to_rfc3339_opts(SecondsFormat::Millis, true));
        let mut fine = String::new();
        write(&mut fine, micros, Fraction::Micros).unwrap();
        prop_assert_eq!(fine, at.to_rfc3339_opts(SecondsFormat::Micros, true));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "[-0-9TZ:.+]{0,30}") {
        let _ = parse(&text);
    }
}

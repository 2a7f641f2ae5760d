//! Spans of time on the command line: `90d`, `12h`, `30m`.

/// A span in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span(pub(crate) i64);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || format!("'{text}' is no span of time; use a number with s, m, h, d, w or y, such as 90d");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text.strip_prefix(digits).unwrap_or_default();
        let number: i64 = digits.parse().map_err(|_not_a_number| fault())?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            "y" => 365 * 86_400,
            _ => return Err(fault()),
        };
        match number.checked_mul(seconds) {
            Some(span) if (1..=100 * 365 * 86_400).contains(&span) => Ok(Self(span)),
            _ => Err(format!("'{text}' is out of range; use a span from 1s to 100y")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_are_read_in_every_unit_and_nothing_else() {
        for (text, seconds) in
            [("45s", 45), ("30m", 1_800), ("12h", 43_200), ("90d", 7_776_000), ("2w", 1_209_600), ("1y", 31_536_000)]
        {
            assert_eq!(text.parse(), Ok(Span(seconds)), "{text}");
        }
        for text in ["", "d", "90", "-1d", "0d", "1.5h", "90 d", "9000000000000000y", "101y", "1month"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}

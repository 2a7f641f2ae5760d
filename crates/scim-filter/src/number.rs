//! Exact comparison of JSON numbers: `1 == 1.0`, and no large integer is rounded.

use std::cmp::Ordering;

use serde_json::Number;

/// The order of two numbers by their mathematical values.
pub(crate) fn compare(left: &Number, right: &Number) -> Ordering {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => compare_mixed(left, real(right)),
        (None, Some(right)) => compare_mixed(right, real(left)).reverse(),
        // JSON has no NaN, so two reals are always comparable; the two zeros are equal.
        (None, None) => real(left).partial_cmp(&real(right)).unwrap_or(Ordering::Equal),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn real(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

fn compare_mixed(integer: i128, real: f64) -> Ordering {
    // Beyond this every real is further from zero than any 64-bit integer.
    const BEYOND: f64 = 1e20;
    if real >= BEYOND {
        return Ordering::Less;
    }
    if real <= -BEYOND {
        return Ordering::Greater;
    }
    // The decimal text of a whole real is exact, unlike a conversion of the integer to a real.
    let whole: i128 = format!("{:.0}", real.trunc()).parse().unwrap_or_default();
    integer.cmp(&whole).then_with(|| 0.0.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: &str, expected: Ordering, right: &str) {
        let parse = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        assert_eq!(compare(&parse(left), &parse(right)), expected, "{left} against {right}");
        assert_eq!(compare(&parse(right), &parse(left)), expected.reverse(), "{right} against {left}");
    }

    #[test]
    fn numbers_compare_by_value_and_exactly() {
        use Ordering::{Equal, Greater, Less};
        check("1", Equal, "1.0");
        check("1", Less, "1.5");
        check("-1", Greater, "-1.5");
        check("0", Equal, "-0.0");
        check("0.0", Equal, "-0.0");
        check("1e2", Equal, "100");
        check("9007199254740993", Greater, "9007199254740992.0");
        check("9007199254740993", Greater, "9007199254740992");
        check("18446744073709551615", Less, "18446744073709551616.0");
        check("9223372036854775807", Less, "9223372036854775808.0");
        check("-9223372036854775808", Equal, "-9223372036854775808.0");
        check("18446744073709551615", Less, "1e300");
        check("-9223372036854775808", Greater, "-1e300");
        check("0.1", Less, "0.2");
    }
}

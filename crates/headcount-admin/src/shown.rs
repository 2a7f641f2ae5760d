//! Times as people read them.

use askama::Template;
use headcount_model::Timestamp;

/// A moment in a page: relative, or by its day, with the exact time beside it.
#[derive(Template, Clone, PartialEq, Eq, Debug)]
#[template(path = "moment.html")]
pub(crate) struct Moment {
    /// For machines: RFC 3339.
    pub(crate) exact: String,
    /// For the title: to the second, in UTC.
    pub(crate) title: String,
    /// What is read.
    pub(crate) text: String,
}

impl Moment {
    /// A moment of the past, as it is seen now.
    pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Self {
        let seconds = now.seconds_since(at);
        let text = match seconds {
            ..=-61 => day(at),
            // What was made while the page was: a little later than the page's own moment.
            -60..=4 => "now".to_owned(),
            5..=59 => format!("{seconds} seconds ago"),
            60..=119 => "a minute ago".to_owned(),
            120..=3_599 => format!("{} minutes ago", seconds.div_euclid(60)),
            3_600..=7_199 => "an hour ago".to_owned(),
            7_200..=86_399 => format!("{} hours ago", seconds.div_euclid(3_600)),
            86_400..=172_799 => "a day ago".to_owned(),
            172_800..=2_591_999 => format!("{} days ago", seconds.div_euclid(86_400)),
            _ => day(at),
        };
        Self { text, ..Self::day(at) }
    }

    /// A moment by its day.
    pub(crate) fn day(at: Timestamp) -> Self {
        let exact = at.to_string();
        let title = format!("{} {} UTC", exact.get(..10).unwrap_or_default(), exact.get(11..19).unwrap_or_default());
        Self { text: day(at), exact, title }
    }
}

/// `24 Nov 2026`.
fn day(at: Timestamp) -> String {
    let exact = at.to_string();
    let mut parts = exact.get(..10).unwrap_or_default().splitn(3, '-');
    let (year, number, day) = (parts.next(), parts.next(), parts.next());
    format!("{} {} {}", day.unwrap_or_default().trim_start_matches('0'), name(number), year.unwrap_or_default())
}

/// The month and year, for names.
pub(crate) fn month(at: Timestamp) -> String {
    let exact = at.to_string();
    format!("{} {}", name(exact.get(5..7)), exact.get(..4).unwrap_or_default())
}

fn name(number: Option<&str>) -> &'static str {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let index = number.and_then(|number| number.parse::<usize>().ok()).unwrap_or(1);
    MONTHS.get(index.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_say_them() {
        let at = Timestamp::from_micros(1_795_512_604_000_000);
        let seen = |seconds: i64| Moment::ago(at, at.plus_seconds(seconds)).text;
        assert_eq!((&*seen(0), &*seen(-1)), ("now", "now"));
        assert_eq!(seen(59), "59 seconds ago");
        assert_eq!(seen(60), "a minute ago");
        assert_eq!(seen(3_599), "59 minutes ago");
        assert_eq!(seen(86_399), "23 hours ago");
        assert_eq!(seen(29 * 86_400), "29 days ago");
        let day = Moment::day(at);
        assert_eq!((&*seen(30 * 86_400), &*seen(-61)), (&*day.text, &*day.text));
        assert_eq!((&*day.text, &*day.title), ("24 Nov 2026", "2026-11-24 09:30:04 UTC"));
        assert_eq!(month(at), "Nov 2026");
    }
}

//! A line of the log in JSON.

use std::fmt::{self, Debug, Write as _};

use scim_schema::datetime::{self, Fraction};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Json, Writer},
    },
    registry::LookupSpan,
};

/// The target of what came through the crate `log`, whose fields the library rearranges.
const LOG_TARGET: &str = "log";

/// Writes the very line that the library's JSON format writes, several times as fast: the timestamp
/// and the fields go straight into it. Inside a span, and for what comes from the crate `log`, the
/// library itself writes; the server has neither on the way of a request.
pub(super) struct JsonLine {
    library: Format<Json>,
}

impl JsonLine {
    pub(super) fn new(library: Format<Json>) -> Self {
        Self { library }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        if meta.target() == LOG_TARGET || event.parent().is_some() || ctx.lookup_current().is_some() {
            return self.library.format_event(ctx, writer, event);
        }
        writer.write_str("{\"timestamp\":\"")?;
        datetime::write(&mut writer, now_micros(), Fraction::Micros)?;
        writer.write_str("\",\"level\":\"")?;
        writer.write_str(level(*meta.level()))?;
        writer.write_str("\",\"fields\":{")?;
        let mut fields = Fields { out: &mut writer, count: 0, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        writer.write_str("},\"target\":")?;
        quoted(&mut writer, meta.target())?;
        writer.write_str("}\n")
    }
}

fn now_micros() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a line of the log tells the time to the microsecond")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

/// Writes fields as the members of an object.
struct Fields<'a, 'w> {
    out: &'a mut Writer<'w>,
    count: usize,
    result: fmt::Result,
}

impl Fields<'_, '_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.try_member(field, value);
        }
    }

    fn try_member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        if self.count > 0 {
            self.out.write_str(",")?;
        }
        self.count += 1;
        quoted(self.out, field.name())?;
        self.out.write_str(":")?;
        value(self.out)
    }
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |out| {
            out.write_str("\"")?;
            write!(Escaped(out), "{value:?}")?;
            out.write_str("\"")
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |out| quoted(out, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |out| out.write_str(if value { "true" } else { "false" }));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, |out| write!(out, "{}", serde_json::Value::from(value)));
    }
}

fn quoted(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    Escaped(out).write_str(text)?;
    out.write_str("\"")
}

/// Passes text on as it stands inside a JSON string.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.0.write_str(plain)?;
            let mut characters = from.chars();
            match characters.next() {
                Some('\u{8}') => self.0.write_str("\\b")?,
                Some('\u{c}') => self.0.write_str("\\f")?,
                Some('\n') => self.0.write_str("\\n")?,
                Some('\r') => self.0.write_str("\\r")?,
                Some('\t') => self.0.write_str("\\t")?,
                Some(quote @ ('"' | '\\')) => write!(self.0, "\\{quote}")?,
                Some(control) => write!(self.0, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::SubscriberBuilder;

    use super::JsonLine;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// What was written, with the timestamps made alike after a look at their shape.
        fn text(&self) -> String {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let lines = text.split_inclusive('\n').map(|line| {
                let rest = line.strip_prefix("{\"timestamp\":\"").unwrap();
                let (time, rest) = rest.split_once('"').unwrap();
                let micros = scim_schema::datetime::parse(time).unwrap();
                assert!(micros > 1_700_000_000_000_000, "{time}");
                assert_eq!(time.len(), 27, "{time}");
                format!("{{\"timestamp\":\"T\"{rest}")
            });
            lines.collect()
        }
    }

    fn say_everything() {
        tracing::info!(
            request_id = "01a20d5d-bf9b-72c8-8f09-1319508a4fba",
            method = "GET",
            route = String::from("/Users/{id}"),
            status = 200_u16,
            scim_type = None::<&str>,
            connection = Some("7"),
            body_bytes = 0_usize,
            elapsed_ms = -1_i64,
            "request"
        );
        tracing::warn!("only a message");
        tracing::error!(error = %"a \"quoted\" cause \\ with\nlines, \ttabs and \u{1}\u{7f}\u{8}\u{c}\r", "é 😀");
        tracing::error!(target: "a \"target\"", yes = true, no = false, debug = ?vec!["x\ny"], "{} of {}", 1, "\u{0}");
        tracing::debug!(half = 0.5_f64, whole = 3.0_f64, none = f64::NAN, big = u128::MAX, small = i128::MIN);
        let error: &dyn std::error::Error = &io::Error::other("failed\n");
        tracing::trace!(error);
        let span = tracing::info_span!("outer", tenant = "acme");
        tracing::info!(parent: &span, inner = 1, "in a parent");
        span.in_scope(|| tracing::info!("in a span"));
        tracing::info!(target: "log", "as if from the crate log");
    }

    fn builder(
        lines: &Lines,
    ) -> SubscriberBuilder<
        tracing_subscriber::fmt::format::DefaultFields,
        tracing_subscriber::fmt::format::Format,
        tracing_subscriber::filter::LevelFilter,
        impl Fn() -> Lines + use<>,
    > {
        let lines = lines.clone();
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || lines.clone())
    }

    #[test]
    fn lines_are_those_of_the_library() {
        let (ours, theirs) = (Lines::default(), Lines::default());
        with_default(builder(&ours).json().map_event_format(JsonLine::new).finish(), say_everything);
        with_default(builder(&theirs).json().finish(), say_everything);
        assert_eq!(ours.text(), theirs.text());
        assert_eq!(ours.text().lines().count(), 9);
        for line in ours.text().lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

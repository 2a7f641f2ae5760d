//! Logging.
//!
//! A server writes a line for every request, so that neither making a line ([`mod@line`]) nor handing it
//! to the system ([`sink`]) may cost a request more than a few microseconds.

use std::{
    io::{IsTerminal, stderr},
    panic,
    time::Duration,
};

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::{Config, LogFormat};

mod line;
mod sink;

use line::JsonLine;
use sink::{Sink, Writing};

/// Longest time that a panic waits for what was logged before it.
const FLUSH_BEFORE_PANIC: Duration = Duration::from_secs(1);

/// Starts logging to standard error: text for people, JSON for machines. For commands, which log
/// little and say other things on standard error as well: each line is written at once.
pub(crate) fn start(config: &Config) -> Result<()> {
    start_with(config, stderr)
}

/// Starts logging as [`start`] does, through a thread of its own; what was logged is written when
/// the answer is dropped, and before a panic is reported.
pub(crate) fn start_buffered(config: &Config) -> Result<Writing> {
    let (sink, writing) = Sink::start(Box::new(stderr()))?;
    start_with(config, sink.clone())?;
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        sink.flush(FLUSH_BEFORE_PANIC);
        report(info);
    }));
    Ok(writing)
}

fn start_with<W>(config: &Config, writer: W) -> Result<()>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter(config)?).with_writer(writer);
    let json = match config.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    if json {
        builder.json().map_event_format(JsonLine::new).init();
    } else {
        builder.with_ansi(stderr().is_terminal()).init();
    }
    Ok(())
}

/// What is logged.
pub(crate) fn filter(config: &Config) -> Result<EnvFilter> {
    EnvFilter::try_new(&config.log)
        .with_context(|| format!("log is '{}', which is no filter; use info, debug or headcount=debug", config.log))
}

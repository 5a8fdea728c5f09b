//! A line of the log as JSON, in one object: `timestamp`, `level`, the fields, `target`.
//!
//! Much as `tracing_subscriber` writes it with `flatten_event`, at a third of the cost: that one passes each comma on by
//! itself. Spans are not told of: they are for traces.

use std::fmt;

use serde::ser::{SerializeMap, Serializer};
use token_core::{Clock, SystemClock};
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Most lines are shorter.
const LINE: usize = 256;

pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = line(event).map_err(|_| fmt::Error)?;
        writer.write_str(&line)
    }
}

fn line(event: &Event<'_>) -> Result<String, Box<dyn std::error::Error>> {
    let mut line = Vec::with_capacity(LINE);
    let mut json = serde_json::Serializer::new(&mut line);
    let mut object = json.serialize_map(None)?;
    object.serialize_entry("timestamp", &SystemClock.now().to_string())?;
    object.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = SerdeMapVisitor::new(object);
    event.record(&mut fields);
    let mut object = fields.take_serializer()?;
    object.serialize_entry("target", event.metadata().target())?;
    object.end()?;
    line.push(b'\n');
    Ok(String::from_utf8(line)?)
}

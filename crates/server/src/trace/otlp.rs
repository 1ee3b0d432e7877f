//! Spans as OTLP has them in JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Attribute, Kind, Span};

/// Spans of this process, as one request to a collector.
pub(super) fn request(service_name: &str, spans: &[Span]) -> Value {
    let resource = [
        ("service.name", Attribute::Text(service_name.to_owned())),
        ("process.pid", Attribute::Number(std::process::id().into())),
    ];
    let spans: Vec<_> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&resource) },
        "scopeSpans": [{
            "scope": { "name": "cellblock", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
        }],
    }] })
}

fn span(span: &Span) -> Value {
    let kind = match span.kind {
        Kind::Internal => 1,
        Kind::Server => 2,
    };
    // 0 is "unset": all is well, as far as is known here.
    let status = if span.is_error { json!({ "code": 2 }) } else { json!({}) };
    json!({
        "traceId": span.context.trace_id(),
        "spanId": span.context.span_id(),
        "parentSpanId": span.parent.map(|parent| parent.span_id()).unwrap_or_default(),
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": nanoseconds(span.began),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes(&span.attributes),
        "status": status,
    })
}

/// 64-bit numbers are texts in this encoding.
fn nanoseconds(moment: SystemTime) -> String {
    moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn attributes(attributes: &[(&'static str, Attribute)]) -> Vec<Value> {
    let one = |(key, value): &(&str, Attribute)| match value {
        Attribute::Text(text) => json!({ "key": key, "value": { "stringValue": text } }),
        Attribute::Number(number) => {
            json!({ "key": key, "value": { "intValue": number.to_string() } })
        }
    };
    attributes.iter().map(one).collect()
}

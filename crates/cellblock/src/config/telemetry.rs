//! Where traces go: the env vars that OpenTelemetry names, and those of other servers.

use server::{InvalidTraces, Traces};

use super::{ConfigError, HostVars, Source};

/// The name that this server's spans are under where nobody gives one.
const SERVICE_NAME: &str = "cellblock";
/// The path that spans are posted to below a collector's own address.
const PATH: &str = "/v1/traces";
/// Where a collector listens on the same machine.
const USUAL_ENDPOINT: &str = "http://localhost:4318";

/// Where traces go; nowhere unless a collector is named.
///
/// # Errors
/// A variable cannot be used.
pub(crate) fn traces(vars: &HostVars) -> Result<Option<Traces>, ConfigError> {
    if is_true(vars, "OTEL_SDK_DISABLED") || exports_nothing(vars) {
        return Ok(None);
    }
    let Some((name, endpoint)) = endpoint(vars) else { return Ok(None) };
    let service = first(vars, &["OTEL_SERVICE_NAME", "TELEMETRY_SERVICE_NAME"]);
    let service = service.map_or_else(|| SERVICE_NAME.to_owned(), |(_, text)| text);
    let traces = Traces::new(&endpoint, service).map_err(bad(name))?;
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "TELEMETRY_OTLP_HEADERS",
    ];
    match first(vars, &names) {
        Some((name, text)) => traces.with_headers(&text).map(Some).map_err(bad(name)),
        None => Ok(Some(traces)),
    }
}

fn endpoint(vars: &HostVars) -> Option<(&'static str, String)> {
    if let Some(whole) = first(vars, &["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) {
        return Some(whole);
    }
    let below = |text: String| format!("{}{PATH}", text.trim_end_matches('/'));
    if let Some((name, text)) = first(vars, &["OTEL_EXPORTER_OTLP_ENDPOINT"]) {
        return Some((name, below(text)));
    }
    if !is_true(vars, "TELEMETRY_ENABLED") {
        return None;
    }
    let name = "TELEMETRY_OTLP_ENDPOINT";
    let text = vars.text(name).unwrap_or_else(|| USUAL_ENDPOINT.to_owned());
    Some((name, below(text)))
}

fn exports_nothing(vars: &HostVars) -> bool {
    // Other exporters than that of this protocol are not had here.
    vars.text("OTEL_TRACES_EXPORTER")
        .is_some_and(|names| !names.split(',').any(|name| name.trim() == "otlp"))
}

fn is_true(vars: &HostVars, name: &str) -> bool {
    vars.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1")
}

fn first(vars: &HostVars, names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| Some((*name, vars.text(name)?)))
}

fn bad(name: &'static str) -> impl Fn(InvalidTraces) -> ConfigError {
    move |error| ConfigError::BadValue {
        key: name.to_owned(),
        origin: Source::EnvVar(name),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_nowhere_unless_a_collector_is_named() {
        let otlp = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        let table = [
            (&[][..], None),
            (&[otlp], Some("http://c:4318/v1/traces")),
            (&[otlp, ("OTEL_SDK_DISABLED", "true")], None),
            (&[otlp, ("OTEL_TRACES_EXPORTER", "none")], None),
            (&[otlp, ("OTEL_TRACES_EXPORTER", "otlp")], Some("http://c:4318/v1/traces")),
            (&[otlp, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x")], Some("http://t/x")),
            (&[("TELEMETRY_OTLP_ENDPOINT", "http://o:1")], None),
            (&[("TELEMETRY_ENABLED", "true")], Some("http://localhost:4318/v1/traces")),
        ];
        for (given, expected) in table {
            let vars = HostVars::of(given);
            let found = endpoint(&vars).map(|(_, text)| text);
            let is_on = traces(&vars).unwrap().is_some();
            assert_eq!(is_on, expected.is_some(), "{given:?}");
            assert_eq!(found.as_deref().filter(|_| is_on), expected, "{given:?}");
        }
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_named() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4318");
        let error = traces(&HostVars::of(&[endpoint])).unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used"), "{error}");
        let vars = [("TELEMETRY_ENABLED", "1"), ("TELEMETRY_OTLP_HEADERS", "secret")];
        let error = traces(&HostVars::of(&vars)).unwrap_err().to_string();
        assert!(error.contains("TELEMETRY_OTLP_HEADERS") && !error.contains("secret"), "{error}");
    }
}

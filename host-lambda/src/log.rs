//! One line for each request: what was asked, how large it was, how long it took and what was found. Never the
//! picture, nor anything read from it but the counts.
//!
//! As JSON the line is also a CloudWatch metric record (embedded metric format): CloudWatch makes metrics of it
//! without a call from here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Counts};
use crate::failure::Failure;
use crate::settings::{Format, Level, Settings};

/// Where the lines go.
pub struct Log {
    level: Level,
    format: Format,
    namespace: Option<String>,
    /// The function's name on Lambda: the metrics' dimension.
    function: String,
    /// Whether a request was logged already: on Lambda the first one paid for the start.
    warm: AtomicBool,
}

/// What is to be said about one request.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The way in: `http`, `direct`, `s3` or `sqs`.
    pub source: &'static str,
    /// Method and path, or the object.
    pub subject: String,
    /// Id of the request.
    pub request_id: String,
    /// X-Ray's header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// HTTP status; for other ways in the one that it would be.
    pub status: u16,
    /// Code of the failure, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Words of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Bytes that came in.
    pub bytes_in: usize,
    /// Bytes that went out.
    pub bytes_out: usize,
    /// Pages that were worked on.
    pub pages: usize,
    /// Pictures or pages among them that failed.
    pub failed: usize,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Milliseconds spent waiting for a turn, of all pages together.
    pub queue_ms: f64,
    /// Milliseconds of work in the module, of all pages together.
    pub detector_ms: f64,
    /// Milliseconds from the request's arrival to the answer.
    pub total_ms: f64,
}

impl Report {
    /// Notes a failure.
    pub fn failure(&mut self, failure: &Failure) {
        self.code = Some(failure.code.to_string());
        self.detail = Some(failure.detail.clone());
        self.status = failure.status().as_u16();
    }

    /// Notes an answer.
    pub fn answer(&mut self, answer: &Answer) {
        self.counts = Some(answer.counts);
        self.pages = answer.pages;
        self.failed = answer.failed;
    }

    fn level(&self) -> Level {
        match StatusCode::from_u16(self.status) {
            Ok(status) if status.is_server_error() => Level::Error,
            Ok(status) if status.is_client_error() => Level::Warn,
            _ => Level::Info,
        }
    }

    fn text(&self) -> String {
        let mut line = format!(
            "{} {} {} {:.0} ms",
            self.source, self.subject, self.status, self.total_ms
        );
        if self.pages > 1 {
            line += &format!(" {} pages", self.pages);
        }
        if let (Some(code), Some(detail)) = (&self.code, &self.detail) {
            line += &format!(" {code}: {detail}");
        }
        // What a client names must not begin a line of its own.
        line.replace(|character: char| character.is_control(), " ")
    }
}

impl Log {
    /// A log as the settings have it.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            level: settings.log_level,
            format: settings.log_format,
            namespace: settings.metrics_namespace.clone(),
            function: std::env::var("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or_else(|_| "local".to_owned()),
            warm: AtomicBool::new(false),
        }
    }

    /// Says what became of a request. Refusals and faults have their own level; metrics are written at any level
    /// but `off`, because they are counted and not read.
    pub fn request(&self, report: &Report) {
        let cold = !self.warm.swap(true, Ordering::Relaxed);
        let level = report.level();
        let counted = self.format == Format::Json && self.namespace.is_some();
        if self.level == Level::Off || level > self.level && !counted {
            return;
        }
        match self.format {
            Format::Text => eprintln!("{}", report.text()),
            Format::Json => eprintln!("{}", self.json(report, level, cold)),
        }
    }

    /// Says something that no request is to blame for.
    pub fn error(&self, message: &str) {
        if self.level == Level::Off {
            return;
        }
        match self.format {
            Format::Text => eprintln!("{message}"),
            Format::Json => eprintln!("{}", json!({"level": "ERROR", "message": message})),
        }
    }

    fn json(&self, report: &Report, level: Level, cold: bool) -> Value {
        let milliseconds = SystemTime::now().duration_since(UNIX_EPOCH);
        let milliseconds = milliseconds.as_ref().map_or(0, Duration::as_millis);
        let mut line = serde_json::to_value(report).unwrap_or_default();
        let mut put = |name: &str, value: Value| {
            if let Some(line) = line.as_object_mut() {
                line.insert(name.to_owned(), value);
            }
        };
        put("level", format!("{level:?}").to_uppercase().into());
        put("message", report.text().into());
        put("coldStart", cold.into());
        if let Some(namespace) = &self.namespace {
            put("_aws", metrics(namespace, milliseconds as u64));
            put("FunctionName", self.function.as_str().into());
            put("Requests", 1.into());
            put("ClientErrors", u8::from(level == Level::Warn).into());
            put("ServerErrors", u8::from(level == Level::Error).into());
            put("Pages", report.pages.into());
            put(
                "Boxes",
                report.counts.map_or(0, |counts| counts.total()).into(),
            );
            put("Duration", report.total_ms.into());
            put("DetectorDuration", report.detector_ms.into());
        }
        line
    }
}

/// What CloudWatch is to make of the line, as its embedded metric format says.
fn metrics(namespace: &str, milliseconds: u64) -> Value {
    let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
    json!({
        "Timestamp": milliseconds,
        "CloudWatchMetrics": [{
            "Namespace": namespace,
            "Dimensions": [["FunctionName"]],
            "Metrics": [
                metric("Requests", "Count"),
                metric("ClientErrors", "Count"),
                metric("ServerErrors", "Count"),
                metric("Pages", "Count"),
                metric("Boxes", "Count"),
                metric("Duration", "Milliseconds"),
                metric("DetectorDuration", "Milliseconds"),
            ],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        Log::new(&Settings::on_lambda([]).expect("settings"))
    }

    fn report() -> Report {
        Report {
            source: "http",
            subject: "POST /predict".to_owned(),
            request_id: "id".to_owned(),
            status: 200,
            pages: 2,
            total_ms: 12.5,
            counts: Some(Counts {
                empty_checkbox: 2,
                filled_checkbox: 1,
            }),
            ..Report::default()
        }
    }

    #[test]
    fn a_line_is_a_metric_record() {
        let line = log().json(&report(), Level::Info, true);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "CheckboxDetector");
        // Every metric and dimension that is named is a member of the line.
        let metrics = directive["Metrics"].as_array().expect("metrics");
        for metric in metrics {
            let name = metric["Name"].as_str().expect("a name");
            assert!(line[name].is_number(), "{name} in {line}");
        }
        assert!(line["FunctionName"].is_string());
        assert_eq!(
            (&line["Boxes"], &line["requestId"]),
            (&json!(3), &json!("id"))
        );
        assert_eq!(
            (&line["level"], &line["coldStart"]),
            (&json!("INFO"), &json!(true))
        );
    }

    #[test]
    fn failures_have_their_level_and_stay_on_one_line() {
        let mut report = report();
        report.subject = "GET /a\nfake line".to_owned();
        report.failure(&Failure::new("crashed", "why"));
        assert_eq!((report.status, report.level()), (500, Level::Error));
        let text = report.text();
        assert!(
            !text.contains('\n') && text.ends_with("crashed: why"),
            "{text}"
        );
        report.failure(&Failure::new("not_found", "what"));
        assert_eq!(report.level(), Level::Warn);
    }
}

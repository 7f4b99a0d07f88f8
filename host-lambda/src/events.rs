//! What comes to a function without HTTP: direct calls, and objects in S3, told by S3 itself or through a queue.
//!
//! An object's result is written beside it, under a prefix of its own. A picture that cannot be read has its error
//! for a result and is done with; what may go better another time (S3 does not answer, time ran out) is handed back,
//! so that Lambda or the queue brings it again and, in the end, puts it where failures are kept.

use std::time::Instant;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::app::{App, Turn};
use crate::failure::Failure;
use crate::http::{Context, milliseconds};
use crate::input::{self, Format, Input, Options};
use crate::log::Report;
use crate::s3::S3;

/// What a result's key ends with.
const RESULT: &str = ".checkboxes.json";

/// Objects worked on at once beyond one for each core: while one is computed, the next is fetched.
const AHEAD: usize = 1;

/// An object in S3.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Its bucket.
    pub bucket: String,
    /// Its key, as it is: not encoded for a URL.
    pub key: String,
}

/// A direct call about an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectObject {
    s3: Object,
    conf: Option<f64>,
    page: Option<f64>,
}

/// What S3 says has happened (and what a queue hands on of it).
#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<S3Record>,
}

#[derive(Deserialize)]
struct S3Record {
    #[serde(rename = "eventName")]
    name: String,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: S3Bucket,
    object: S3Object,
}

#[derive(Deserialize)]
struct S3Bucket {
    name: String,
}

#[derive(Deserialize)]
struct S3Object {
    key: String,
}

#[derive(Deserialize)]
struct Messages {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "messageId")]
    id: String,
    body: String,
}

/// What a queue is told: which messages it keeps.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    #[serde(rename = "batchItemFailures")]
    messages: Vec<UnfinishedMessage>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct UnfinishedMessage {
    #[serde(rename = "itemIdentifier")]
    id: String,
}

/// The ways in that are not HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{"image"}`, `{"images"}` or `{"s3"}`.
    Direct,
    /// A notification of S3.
    S3,
    /// Messages of a queue, each a notification of S3 or an object.
    Sqs,
}

impl Kind {
    /// What an event is, by its members; `None` for one that may be HTTP.
    #[must_use]
    pub fn of(event: &Value) -> Option<Self> {
        match event["Records"][0]["eventSource"].as_str() {
            Some("aws:s3") => return Some(Self::S3),
            Some("aws:sqs") => return Some(Self::Sqs),
            _ => {}
        }
        let has = |name: &str| event.get(name).is_some();
        let is_direct = !has("requestContext") && (has("image") || has("images") || has("s3"));
        is_direct.then_some(Self::Direct)
    }
}

/// Answers events that are not HTTP.
pub struct Events {
    /// Made when the first object is asked for.
    s3: OnceCell<S3>,
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    /// Ready for events.
    #[must_use]
    pub fn new() -> Self {
        Self {
            s3: OnceCell::new(),
        }
    }

    async fn s3(&self) -> Result<&S3, Failure> {
        self.s3.get_or_try_init(async || S3::from_env()).await
    }

    /// Answers a direct call: the result form, or the error form.
    pub async fn direct(&self, app: &App, event: &Value, context: &Context) -> String {
        let start = Instant::now();
        let mut report = report("direct", "call".to_owned(), context);
        let result = self.call(app, event, context, &mut report).await;
        let fits = |json: &String| {
            app.limits()
                .response_bytes
                .is_none_or(|most| json.len() <= most)
        };
        let result = match result {
            Ok(answer) if !fits(&answer.json) => Err(Failure::new(
                "response_too_large",
                format!(
                    "the result takes {} bytes, more than Lambda carries; send fewer pictures at once",
                    answer.json.len()
                ),
            )),
            other => other,
        };
        let json = match result {
            Ok(answer) => {
                report.answer(&answer);
                answer.json
            }
            Err(failure) => {
                report.failure(&failure);
                failure.to_json()
            }
        };
        report.bytes_out = json.len();
        finish(app, report, start);
        json
    }

    async fn call(
        &self,
        app: &App,
        event: &Value,
        context: &Context,
        report: &mut Report,
    ) -> Result<Answer, Failure> {
        let input = if event.get("s3").is_some() {
            let wanted = DirectObject::deserialize(event)
                .map_err(|error| Failure::new("bad_request", format!("the event: {error}")))?;
            report.subject = subject(&wanted.s3);
            let options = Options::from_json(wanted.conf, None, wanted.page)?;
            Input::one(self.fetch(app, &wanted.s3, context).await?, options)
        } else {
            input::json_value(event)?
        };
        let bytes = input
            .pictures
            .iter()
            .map(|picture| picture.file.as_ref().map_or(0, Bytes::len));
        report.bytes_in = bytes.sum();
        input::check_batch(input.pictures.len(), app.limits().batch)?;
        let turn = app.enter(context.deadline)?;
        let answer = app
            .detect(input.pictures, input.batch, input.options, &turn)
            .await;
        turn.note(report);
        answer
    }

    async fn fetch(&self, app: &App, object: &Object, context: &Context) -> Result<Bytes, Failure> {
        let most = app.module().info().limits.max_bytes;
        let s3 = self.s3().await?;
        s3.get(&object.bucket, &object.key, most, context.trace.as_deref())
            .await
    }

    /// Works on the objects of a notification. All of them are tried.
    ///
    /// # Errors
    /// In words, where one of them may go better another time: Lambda then brings the event again.
    pub async fn notification(
        &self,
        app: &App,
        event: &Value,
        context: &Context,
    ) -> Result<(), String> {
        let failed = match self.records(app, event, "s3", context).await {
            Ok(failed) => failed,
            Err(failure) => return Err(format!("{}: {}", failure.code, failure.detail)),
        };
        match failed.first() {
            None => Ok(()),
            Some(first) => Err(format!(
                "{} of the objects could not be worked on, the first because of {}: {}",
                failed.len(),
                first.code,
                first.detail
            )),
        }
    }

    /// Works on the messages of a queue, and tells which of them are to come again.
    ///
    /// # Errors
    /// In words, when the event itself is not understood: all of its messages then come again.
    pub async fn messages(
        &self,
        app: &App,
        event: &Value,
        context: &Context,
    ) -> Result<Unfinished, String> {
        let messages = Messages::deserialize(event)
            .map_err(|error| unreadable(app, context, &error.to_string()).detail)?;
        let one = async |message: Message| -> Option<UnfinishedMessage> {
            let id = message.id;
            match self.message(app, &message.body, context).await {
                Ok(failed) if failed.is_empty() => None,
                _ => Some(UnfinishedMessage { id }),
            }
        };
        let at_once = app.limits().concurrency + AHEAD;
        let unfinished: Vec<Option<UnfinishedMessage>> =
            stream::iter(messages.records.into_iter().map(one))
                .buffered(at_once)
                .collect()
                .await;
        Ok(Unfinished {
            messages: unfinished.into_iter().flatten().collect(),
        })
    }

    /// One message: a notification of S3, or an object as in a direct call.
    async fn message(
        &self,
        app: &App,
        body: &str,
        context: &Context,
    ) -> Result<Vec<Failure>, Failure> {
        let event = serde_json::from_str::<Value>(body);
        let event = event.map_err(|error| unreadable(app, context, &error.to_string()))?;
        // S3 sends one of these when the queue is first named to it.
        if event["Event"] == "s3:TestEvent" {
            return Ok(vec![]);
        }
        if event.get("s3").is_some() {
            let wanted = DirectObject::deserialize(&event)
                .map_err(|error| unreadable(app, context, &error.to_string()))?;
            let options = Options::from_json(wanted.conf, None, wanted.page)
                .map_err(|failure| unreadable(app, context, &failure.detail))?;
            let result = self.object(app, &wanted.s3, options, "sqs", context).await;
            return Ok(result.err().into_iter().collect());
        }
        self.records(app, &event, "sqs", context).await
    }

    /// The objects of a notification; gives the failures that may go better another time.
    async fn records(
        &self,
        app: &App,
        event: &Value,
        source: &'static str,
        context: &Context,
    ) -> Result<Vec<Failure>, Failure> {
        let notification = Notification::deserialize(event)
            .map_err(|error| unreadable(app, context, &error.to_string()))?;
        let one = async |record: S3Record| {
            let object = Object {
                bucket: record.s3.bucket.name,
                key: decode_key(&record.s3.object.key),
            };
            // What was deleted cannot be read, a folder has nothing in it, and a result is none of its own.
            if !record.name.starts_with("ObjectCreated:")
                || object.key.ends_with('/')
                || is_result(&object.key, &app.settings().s3_output_prefix)
            {
                return None;
            }
            let result = self
                .object(app, &object, Options::default(), source, context)
                .await;
            result.err()
        };
        let at_once = app.limits().concurrency + AHEAD;
        let failed: Vec<Option<Failure>> = stream::iter(notification.records.into_iter().map(one))
            .buffered(at_once)
            .collect()
            .await;
        Ok(failed.into_iter().flatten().collect())
    }

    /// Reads an object and writes its result.
    async fn object(
        &self,
        app: &App,
        object: &Object,
        options: Options,
        source: &'static str,
        context: &Context,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        let mut report = report(source, subject(object), context);
        let result = self.work(app, object, options, context, &mut report).await;
        if let Err(failure) = &result {
            report.failure(failure);
        }
        finish(app, report, start);
        result
    }

    async fn work(
        &self,
        app: &App,
        object: &Object,
        options: Options,
        context: &Context,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let turn = app.enter(context.deadline)?;
        let result = match self.fetch(app, object, context).await {
            Ok(file) => {
                report.bytes_in = file.len();
                let input = Input::one(file.clone(), options);
                let answer = app.detect(input.pictures, false, options, &turn).await;
                answer.map(|answer| (file, answer))
            }
            Err(failure) => Err(failure),
        };
        turn.note(report);
        let json = match &result {
            Ok((_, answer)) => {
                report.answer(answer);
                report.status = 200;
                answer.json.clone()
            }
            Err(failure) if may_pass(failure) => return Err(failure.clone()),
            Err(failure) => {
                report.failure(failure);
                failure.to_json()
            }
        };
        report.bytes_out = json.len();
        let key = format!("{}{}", app.settings().s3_output_prefix, object.key);
        let trace = context.trace.as_deref();
        let s3 = self.s3().await?;
        if let Ok((file, answer)) = result
            && app.settings().s3_annotate
        {
            for page in 1..=answer.pages {
                let Some(picture) = annotated(app, &file, options, page, &turn).await? else {
                    continue;
                };
                let key = if answer.pages == 1 {
                    format!("{key}.checkboxes.jpg")
                } else {
                    format!("{key}.checkboxes.{page}.jpg")
                };
                s3.put(
                    &object.bucket,
                    &key,
                    Format::Jpeg.content_type(),
                    picture,
                    trace,
                )
                .await?;
            }
        }
        // The result last: where it is, everything is.
        s3.put(
            &object.bucket,
            &format!("{key}{RESULT}"),
            "application/json",
            json.into(),
            trace,
        )
        .await
    }
}

/// A page with its boxes drawn in; `None` for a page that has an error for a result.
async fn annotated(
    app: &App,
    file: &Bytes,
    options: Options,
    page: usize,
    turn: &Turn,
) -> Result<Option<Bytes>, Failure> {
    let options = Options {
        format: Some(Format::Jpeg),
        page: options.page.or(Some(page)),
        ..options
    };
    match app.annotate(file.clone(), options, turn).await {
        Ok(drawn) => Ok(Some(drawn.bytes)),
        Err(failure) if may_pass(&failure) => Err(failure),
        Err(_) => Ok(None),
    }
}

/// Whether it may go better another time. The picture is the same then; only what is around it can change.
fn may_pass(failure: &Failure) -> bool {
    matches!(
        failure.code.as_ref(),
        "s3" | "not_found" | "timeout" | "busy" | "cancelled" | "internal"
    )
}

/// Whether a key is one that this service has written.
fn is_result(key: &str, prefix: &str) -> bool {
    key.starts_with(prefix) || key.ends_with(RESULT)
}

/// A key as notifications have it: encoded as in a form, a blank as a plus.
fn decode_key(key: &str) -> String {
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8_lossy().into_owned()
}

fn subject(object: &Object) -> String {
    format!("s3://{}/{}", object.bucket, object.key)
}

fn report(source: &'static str, subject: String, context: &Context) -> Report {
    Report {
        source,
        subject,
        request_id: context.request_id.clone().unwrap_or_default(),
        trace: context.trace.clone(),
        status: 200,
        ..Report::default()
    }
}

fn finish(app: &App, mut report: Report, start: Instant) {
    report.total_ms = milliseconds(start.elapsed());
    app.log().request(&report);
}

/// A message that is not understood, which is logged: no result file could say so.
fn unreadable(app: &App, context: &Context, reason: &str) -> Failure {
    let failure = Failure::new(
        "bad_request",
        format!("the message is not understood: {reason}"),
    );
    let mut report = report("sqs", "message".to_owned(), context);
    report.failure(&failure);
    app.log().request(&report);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_told_apart() {
        for (event, kind) in [
            (json!({"image": ""}), Some(Kind::Direct)),
            (json!({"images": [], "conf": 1}), Some(Kind::Direct)),
            (json!({"s3": {}}), Some(Kind::Direct)),
            (
                json!({"Records": [{"eventSource": "aws:s3"}]}),
                Some(Kind::S3),
            ),
            (
                json!({"Records": [{"eventSource": "aws:sqs"}]}),
                Some(Kind::Sqs),
            ),
            (json!({"Records": [{"eventSource": "aws:sns"}]}), None),
            (json!({"requestContext": {}, "image": ""}), None),
            (json!({}), None),
            (json!(5), None),
            (json!([1]), None),
        ] {
            assert_eq!(Kind::of(&event), kind, "{event}");
        }
    }

    #[test]
    fn results_are_never_pictures() {
        assert!(is_result(
            "checkboxes/in/a.png.checkboxes.jpg",
            "checkboxes/"
        ));
        assert!(is_result("elsewhere/a.png.checkboxes.json", "checkboxes/"));
        assert!(!is_result("in/a.png", "checkboxes/"));
    }

    #[test]
    fn keys_are_decoded_as_s3_encodes_them() {
        assert_eq!(
            decode_key("in/my+form+%2B+%C3%BC.png"),
            "in/my form + ü.png"
        );
    }
}

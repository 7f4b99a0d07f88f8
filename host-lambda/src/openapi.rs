//! `GET /openapi.json`: the API for programs, put together from what the handler goes by: its paths, the statuses of
//! its failures, its limits and the schema of its results.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::failure::CODES;
use crate::http::{OFFERS, Offer, SERVICE};
use crate::limits::MOST_PAGES;

/// The schema of results, as every host has it.
const RESULT_SCHEMA: &str = include_str!("../../detector/result.schema.json");

/// The description.
#[must_use]
pub fn describe(app: &App) -> Value {
    let mut paths = Map::new();
    for offer in &OFFERS {
        let method = if offer.takes_post() { "post" } else { "get" };
        paths.insert(
            offer.path.to_owned(),
            json!({method: operation(app, offer)}),
        );
    }
    let mut description = json!({
        "openapi": "3.1.0",
        "info": {
            "title": SERVICE,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Finds the checkboxes on pictures of forms and tells the empty from the filled.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas(app)},
    });
    if !app.settings().access.is_open()
        && let Some(components) = description["components"].as_object_mut()
    {
        let schemes = json!({
            "key": {"type": "apiKey", "in": "header", "name": crate::auth::API_KEY},
            "bearer": {"type": "http", "scheme": "bearer"},
        });
        components.insert("securitySchemes".to_owned(), schemes);
    }
    description
}

fn operation(app: &App, offer: &Offer) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let answer = |description: &str, content_type: &str, schema: Value| json!({"description": description, "content": {content_type: {"schema": schema}}});
    let picture = json!({});
    let mut responses = Map::new();
    let mut put = |status: &str, response: Value| responses.insert(status.to_owned(), response);
    match offer.path {
        "/" => {
            let mut home = answer(
                "A description, or the page",
                "application/json",
                json!({"type": "object"}),
            );
            home["content"]["text/html"] = json!({});
            put("200", home);
        }
        "/health" => {
            put(
                "200",
                answer("It works", "application/json", reference("Health")),
            );
            put(
                "503",
                answer("It does not", "application/json", reference("Health")),
            );
        }
        "/info" => {
            put(
                "200",
                answer("Versions and limits", "application/json", reference("Info")),
            );
        }
        "/openapi.json" => {
            put(
                "200",
                answer("This", "application/json", json!({"type": "object"})),
            );
        }
        "/checkbox_detector.wasm" => {
            put("200", answer("The module", "application/wasm", picture));
            put("304", json!({"description": "The caller has it"}));
        }
        "/predict/image" => {
            let mut drawn = answer("The picture", "image/jpeg", picture.clone());
            drawn["content"]["image/png"] = json!({});
            put("200", drawn);
        }
        _ => {
            put(
                "200",
                answer("What was found", "application/json", reference("Answer")),
            );
        }
    }
    for (status, codes) in failures(offer) {
        let words = codes.join(", ");
        put(
            &status.to_string(),
            answer(&words, "application/json", reference("ErrorResult")),
        );
    }
    let mut operation = json!({"summary": offer.does, "responses": responses});
    if offer.takes_post() {
        operation["parameters"] = parameters();
        operation["requestBody"] = body(offer);
        if !app.settings().access.is_open() {
            operation["security"] = json!([{"key": []}, {"bearer": []}]);
        }
    }
    operation
}

/// The failures of a path by their status.
fn failures(offer: &Offer) -> BTreeMap<u16, Vec<&'static str>> {
    let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for (code, status) in CODES {
        // What takes no picture has nothing to refuse but the path, the method and the length of what is sent.
        let possible = match *code {
            "not_found" => offer.path == "/checkbox_detector.wasm",
            "bad_request" | "method_not_allowed" | "payload_too_large" | "internal" => true,
            "s3" => false,
            _ => offer.takes_post(),
        };
        if possible {
            by_status.entry(*status).or_default().push(code);
        }
    }
    by_status
}

fn parameters() -> Value {
    json!([
        {"name": "conf", "in": "query", "description": "Lowest confidence to report",
         "schema": {"type": "number", "minimum": 0, "maximum": 1}},
        {"name": "format", "in": "query", "description": "Format of an annotated picture",
         "schema": {"enum": ["jpeg", "png"]}},
        {"name": "page", "in": "query", "description": "The only page of a TIFF to look at",
         "schema": {"type": "integer", "minimum": 1, "maximum": MOST_PAGES}},
    ])
}

fn body(offer: &Offer) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let form = if offer.path == "/predict/image" {
        "Form"
    } else {
        "Forms"
    };
    let object = if offer.path == "/predict/image" {
        "Picture"
    } else {
        "Pictures"
    };
    let content = if offer.path == "/predict/json" {
        json!({"application/json": {"schema": reference(object)}})
    } else {
        json!({
            "multipart/form-data": {"schema": reference(form)},
            "application/json": {"schema": reference(object)},
            "image/*": {"schema": {}},
        })
    };
    json!({
        "required": true,
        "description": "Every path takes every form of body; the bytes decide which it is.",
        "content": content,
    })
}

fn schemas(app: &App) -> Value {
    let conf = json!({"type": "number", "minimum": 0, "maximum": 1});
    let format = json!({"enum": ["jpeg", "png"]});
    let page = json!({"type": "integer", "minimum": 1, "maximum": MOST_PAGES});
    let or_null = |schema: &Value| json!({"oneOf": [schema, {"type": "null"}]});
    let base64 = json!({
        "description": "A picture in base64, or a data URL",
        "type": "string",
        "format": "base64-picture",
        "contentEncoding": "base64",
    });
    // A form has no null: there it would be a word.
    let in_json =
        json!({"conf": or_null(&conf), "format": or_null(&format), "page": or_null(&page)});
    let in_form = json!({"conf": conf, "format": format, "page": page});
    let with = |options: &Value, name: &str, schema: Value| {
        let mut properties = options.clone();
        properties[name] = schema;
        json!({"type": "object", "properties": properties, "required": [name], "additionalProperties": false})
    };
    let named = json!({
        "type": "object",
        "properties": {"name": {"type": ["string", "null"]}, "image": base64},
        "required": ["image"],
        "additionalProperties": false,
    });
    let binary = json!({"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"});
    let list = |items: Value| json!({"type": "array", "items": items, "minItems": 1, "maxItems": app.limits().batch});
    let totals = |list: &str, items: Value| {
        json!({
            "type": "object",
            "properties": {
                "success": {"const": true},
                list: {"type": "array", "items": items},
                "failed": {"description": "How many of them have an error", "type": "integer", "minimum": 0},
                "counts": {
                    "type": "object",
                    "properties": {
                        "empty_checkbox": {"type": "integer", "minimum": 0},
                        "filled_checkbox": {"type": "integer", "minimum": 0},
                    },
                    "required": ["empty_checkbox", "filled_checkbox"],
                    "additionalProperties": false,
                },
                "total": {"type": "integer", "minimum": 0},
                "model": {"type": "string"},
            },
            "required": ["success", list, "failed", "counts", "total", "model"],
            "additionalProperties": false,
        })
    };
    let item = |member: &str| json!({"type": "object", "required": ["success", member]});
    let mut schemas = json!({
        "Health": {
            "type": "object",
            "properties": {"status": {"enum": ["healthy", "unhealthy"]}, "model_loaded": {"type": "boolean"}},
            "required": ["status", "model_loaded"],
            "additionalProperties": false,
        },
        "Info": {
            "type": "object",
            "properties": {
                "service": {"type": "string"},
                "version": {"type": "string"},
                "conf": {"type": "number", "minimum": 0, "maximum": 1},
                "sha256": {"type": "string"},
                "module": {"type": "object"},
                "runtime": {"type": "object"},
                "limits": {"type": "object"},
            },
            "required": ["service", "version", "conf", "sha256", "module", "runtime", "limits"],
            "additionalProperties": false,
        },
        "Picture": with(&in_json, "image", base64.clone()),
        "Pictures": {"oneOf": [with(&in_json, "image", base64), with(&in_json, "images", list(named))]},
        "Form": with(&in_form, "file", binary.clone()),
        "Forms": with(&in_form, "file", list(binary)),
        "Pages": totals("pages", item("page")),
        "Batch": totals("results", item("name")),
        "Answer": {
            "description": "Of one picture of one page its result; else all results in their order, and totals.",
            "oneOf": [
                {"$ref": "#/components/schemas/DetectionResult"},
                {"$ref": "#/components/schemas/Pages"},
                {"$ref": "#/components/schemas/Batch"},
            ],
        },
    });
    // Where it stands, a definition is found under another name.
    let results = RESULT_SCHEMA.replace("#/$defs/", "#/components/schemas/");
    let results: Value = serde_json::from_str(&results).unwrap_or_default();
    if let (Some(schemas), Some(definitions)) =
        (schemas.as_object_mut(), results["$defs"].as_object())
    {
        schemas.extend(definitions.clone());
    }
    schemas
}

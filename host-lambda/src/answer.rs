//! What several pages, or several pictures, have for an answer: each its own result, in order, and the totals.
//!
//! The module's own text goes through unchanged; it is only put between other text.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How many boxes of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Empty ones.
    #[serde(default)]
    pub empty_checkbox: u64,
    /// Filled ones.
    #[serde(default)]
    pub filled_checkbox: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.empty_checkbox + self.filled_checkbox
    }

    fn add(&mut self, other: Self) {
        self.empty_checkbox += other.empty_checkbox;
        self.filled_checkbox += other.filled_checkbox;
    }
}

/// An answer and what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The result form of a page, or that of several.
    pub json: String,
    /// What was found.
    pub counts: Counts,
    /// Pages it is about.
    pub pages: usize,
    /// Pictures or pages that have an error for a result.
    pub failed: usize,
}

/// The answer for one file from the results of its pages. One page: its result. Several: all of them, with totals,
/// unless not one could be read: then the first page's failure is the file's.
///
/// # Errors
/// See above.
pub fn of_pages(mut results: Vec<Result<String, Failure>>, model: &str) -> Result<Answer, Failure> {
    if results.len() == 1 {
        let json = results.remove(0)?;
        return Ok(Answer {
            counts: counts(&json),
            json,
            pages: 1,
            failed: 0,
        });
    }
    if let Some(Err(failure)) = results.first()
        && results.iter().all(Result::is_err)
    {
        return Err(failure.clone());
    }
    let mut answer = Answer::opened("pages");
    for (page, result) in (1..).zip(results) {
        let (json, counts, failed) = match result {
            Ok(json) => (json.clone(), counts(&json), 0),
            Err(failure) => (failure.to_json(), Counts::default(), 1),
        };
        answer.add(&format!("\"page\":{page}"), &json, counts, 1, failed);
    }
    Ok(answer.closed(model))
}

/// The answer for several files, each with its name.
#[must_use]
pub fn of_batch(results: Vec<(String, Result<Answer, Failure>)>, model: &str) -> Answer {
    let mut whole = Answer::opened("results");
    for (name, result) in results {
        let answer = result.unwrap_or_else(|failure| Answer {
            json: failure.to_json(),
            counts: Counts::default(),
            pages: 1,
            failed: 1,
        });
        let name = serde_json::Value::String(name);
        let failed = usize::from(answer.failed > 0);
        whole.add(
            &format!("\"name\":{name}"),
            &answer.json,
            answer.counts,
            answer.pages,
            failed,
        );
    }
    whole.closed(model)
}

impl Answer {
    fn opened(list: &str) -> Self {
        Self {
            json: format!("{{\"success\":true,\"{list}\":["),
            counts: Counts::default(),
            pages: 0,
            failed: 0,
        }
    }

    /// Adds an object to the list, with a member before its own.
    fn add(&mut self, member: &str, object: &str, counts: Counts, pages: usize, failed: usize) {
        if self.pages > 0 {
            self.json.push(',');
        }
        self.json += &with_first(member, object);
        self.counts.add(counts);
        self.pages += pages;
        self.failed += failed;
    }

    fn closed(mut self, model: &str) -> Self {
        let Counts {
            empty_checkbox,
            filled_checkbox,
        } = self.counts;
        let model = serde_json::Value::String(model.to_owned());
        self.json += &format!(
            "],\"failed\":{},\"counts\":{{\"empty_checkbox\":{empty_checkbox},\"filled_checkbox\":{filled_checkbox}}},\
             \"total\":{},\"model\":{model}}}",
            self.failed,
            self.counts.total()
        );
        self
    }
}

/// An object with another member before its own, which has at least one.
#[must_use]
pub fn with_first(member: &str, object: &str) -> String {
    format!("{{{member},{}", object.strip_prefix('{').unwrap_or(object))
}

fn counts(json: &str) -> Counts {
    #[derive(Deserialize)]
    struct Result {
        #[serde(default)]
        counts: Counts,
    }
    // Only the stand-in of the tests has results without counts.
    serde_json::from_str(json).map_or(Counts::default(), |result: Result| result.counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const PAGE: &str =
        r#"{"success":true,"counts":{"empty_checkbox":2,"filled_checkbox":1},"total":3}"#;

    fn broken() -> Failure {
        Failure::new("corrupt_image", "it is broken")
    }

    #[test]
    fn one_page_is_its_result() {
        let answer = of_pages(vec![Ok(PAGE.to_owned())], "1").expect("an answer");
        assert_eq!(answer.json, PAGE);
        assert_eq!(
            (answer.counts.total(), answer.pages, answer.failed),
            (3, 1, 0)
        );
        assert_eq!(of_pages(vec![Err(broken())], "1"), Err(broken()));
        assert_eq!(
            of_pages(vec![Err(broken()), Err(broken())], "1"),
            Err(broken())
        );
    }

    #[test]
    fn several_pages_have_their_results_in_order_and_totals() {
        let results = vec![Ok(PAGE.to_owned()), Err(broken()), Ok(PAGE.to_owned())];
        let answer = of_pages(results, "1").expect("an answer");
        let json: Value = serde_json::from_str(&answer.json).expect("JSON");
        let page = |number: u8| json!({"page": number, "success": true, "counts": {"empty_checkbox": 2, "filled_checkbox": 1}, "total": 3});
        let expected = json!({
            "success": true,
            "pages": [
                page(1),
                {"page": 2, "success": false, "code": "corrupt_image", "detail": "it is broken"},
                page(3),
            ],
            "failed": 1,
            "counts": {"empty_checkbox": 4, "filled_checkbox": 2},
            "total": 6,
            "model": "1",
        });
        assert_eq!(json, expected);
        assert!(
            answer
                .json
                .starts_with(r#"{"success":true,"pages":[{"page":1,"success":true,"#)
        );
        assert_eq!((answer.pages, answer.failed), (3, 1));
    }

    #[test]
    fn a_batch_names_its_pictures_and_counts_all_pages() {
        let one = of_pages(vec![Ok(PAGE.to_owned())], "1");
        let two = of_pages(vec![Ok(PAGE.to_owned()), Err(broken())], "1");
        let results = vec![
            ("a \"b\".png".to_owned(), one),
            ("bad".to_owned(), Err(broken())),
            ("c.tif".to_owned(), two),
        ];
        let answer = of_batch(results, "1");
        let json: Value = serde_json::from_str(&answer.json).expect("JSON");
        assert_eq!(json["results"][0]["name"], "a \"b\".png");
        assert_eq!(json["results"][1]["code"], "corrupt_image");
        assert_eq!(json["results"][2]["pages"][1]["code"], "corrupt_image");
        assert_eq!((&json["failed"], &json["total"]), (&json!(2), &json!(6)));
        assert_eq!((answer.pages, answer.failed), (4, 2));
        let empty: Value = serde_json::from_str(&of_batch(vec![], "1").json).expect("JSON");
        assert_eq!(empty["results"], json!([]));
    }
}

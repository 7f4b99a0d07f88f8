//! What the detector says of the pages in tests/pages is what was looked at and kept in tests/golden.
//!
//! A change of the network or of a stage changes these files: `./build.sh golden` writes them anew, with pictures to look
//! at.  The pages are drawn by `model/samples.py`; NAME.json beside each holds the truth.

use std::path::{Path, PathBuf};

use checkbox_detector::upright::{Turn, back, turned};
use checkbox_detector::{AnnotateOptions, DetectOptions, Detector};
use image::DynamicImage;
use serde_json::Value;

/// Other processors sum in another order: pixels and confidence may move by this much.
const PIXELS: f64 = 0.1;
const CONFIDENCE: f64 = 0.005;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> = std::fs::read_dir(folder("pages"))
        .expect("tests/pages")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "png"))
        .collect();
    pages.sort();
    assert!(pages.len() >= 5, "the pages are there");
    pages
}

fn json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// Empty and filled boxes of a page as drawn, those left out that nobody can judge.
fn drawn(page: &Path) -> (usize, usize) {
    let truth = json(&page.with_extension("json"));
    let count = |state| {
        truth["boxes"]
            .as_array()
            .expect("boxes")
            .iter()
            .filter(|b| b["state"] == state && b["ambiguous"] != true)
            .count()
    };
    (count("unchecked"), count("checked"))
}

#[test]
fn results_are_those_that_were_looked_at() {
    let renew = std::env::var_os("CHECKBOX_RENEW").is_some();
    let detector = Detector::built_in().expect("builds");
    let looks = folder("../../target/golden");
    for page in pages() {
        let name = page
            .file_stem()
            .expect("name")
            .to_string_lossy()
            .into_owned();
        let bytes = std::fs::read(&page).expect("reads");
        let result = detector
            .detect(&bytes, &DetectOptions::default())
            .expect("detects");
        let kept = folder("golden").join(format!("{name}.json"));
        if renew {
            let text = serde_json::to_string_pretty(&result).expect("JSON");
            std::fs::create_dir_all(folder("golden")).expect("folder");
            std::fs::write(&kept, text + "\n").expect("writes");
            std::fs::create_dir_all(&looks).expect("folder");
            let picture = detector
                .annotate(&bytes, &AnnotateOptions::default())
                .expect("draws");
            std::fs::write(looks.join(format!("{name}.jpg")), picture).expect("writes");
            let (empty, filled) = drawn(&page);
            let found = &result.counts;
            println!(
                "{name}: {} empty of {empty}, {} filled of {filled}",
                found.empty_checkbox, found.filled_checkbox
            );
            continue;
        }
        let (now, kept) = (serde_json::to_value(&result).expect("JSON"), json(&kept));
        for key in ["image", "counts", "total", "model"] {
            assert_eq!(
                now[key], kept[key],
                "{name}: {key} (./build.sh golden renews)"
            );
        }
        let lists = |v: &Value| v["detections"].as_array().expect("a list").clone();
        for (a, b) in lists(&now).iter().zip(&lists(&kept)) {
            assert_eq!(a["class"], b["class"], "{name}: {a} was {b}");
            let apart = |x: &Value, y: &Value| {
                (x.as_f64().expect("number") - y.as_f64().expect("number")).abs()
            };
            assert!(
                apart(&a["confidence"], &b["confidence"]) <= CONFIDENCE,
                "{name}: {a} was {b}"
            );
            for edge in ["x1", "y1", "x2", "y2"] {
                assert!(
                    apart(&a["bbox"][edge], &b["bbox"][edge]) <= PIXELS,
                    "{name}: {a} was {b}"
                );
            }
        }
    }
}

#[test]
fn a_page_on_its_side_or_aslant_shows_the_same_boxes() {
    let detector = Detector::built_in().expect("builds");
    let conf = detector.parameters().conf;
    let detect = |page| detector.detect_picture(&DynamicImage::ImageLuma8(page), conf);
    let middle = |[x1, y1, x2, y2]: [f64; 4]| ((x1 + x2) / 2.0, (y1 + y2) / 2.0);
    for name in ["drawn-706", "drawn-733"] {
        let path = folder("pages").join(format!("{name}.png"));
        let page = image::open(path).expect("reads").to_luma8();
        let wanted = detect(page.clone()).expect("detects");
        for (quarters, degrees) in [(1, 0.0), (3, 0.0), (0, 9.0), (1, -11.0)] {
            let turn = Turn { quarters, degrees };
            let found = detect(turned(&page, turn).into_owned()).expect("detects");
            assert_eq!(found.counts, wanted.counts, "{name} {turn:?}");
            for a in &found.detections {
                let b = &a.bbox;
                let (x, y) = middle(back([b.x1, b.y1, b.x2, b.y2], turn, page.dimensions()));
                let there = wanted.detections.iter().any(|b| {
                    let inside =
                        (b.bbox.x1..b.bbox.x2).contains(&x) && (b.bbox.y1..b.bbox.y2).contains(&y);
                    inside && b.class == a.class
                });
                assert!(there, "{name} {turn:?}: {a:?}");
            }
        }
    }
}

//! The whole path on whole forms: right counts where the truth is known, and the same answer as the artifact.

use std::path::{Path, PathBuf};
use std::process::Command;

use checkbox_detector::{AnnotateOptions, Class, DetectOptions, Detection, Detector};
use serde_json::Value;

/// The form drawn by the project (`npm run fixtures` in web/), in the formats it is kept in.
const FORMS: [&str; 3] = ["form.png", "form.tiff", "form-sideways.jpg"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../web/tests/fixtures")
        .join(name)
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Class and edges of each box of a form, as drawn.
fn truth() -> Vec<(String, [f64; 4])> {
    let json: Value = serde_json::from_slice(&read(&fixture("form.json"))).expect("JSON");
    json["boxes"]
        .as_array()
        .expect("boxes")
        .iter()
        .map(|b| {
            (
                b["class"].as_str().expect("class").to_owned(),
                edges(&b["bbox"]),
            )
        })
        .collect()
}

fn edges(bbox: &Value) -> [f64; 4] {
    ["x1", "y1", "x2", "y2"].map(|key| bbox[key].as_f64().expect("a number"))
}

fn detection_edges(detection: &Detection) -> [f64; 4] {
    let b = detection.bbox;
    [b.x1, b.y1, b.x2, b.y2]
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1).max(0.0) * (y2 - y1).max(0.0);
    let shared = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    shared / (area(a) + area(b) - shared)
}

#[test]
fn counts_a_drawn_form_right_in_every_way_it_is_stored() {
    let detector = Detector::built_in().expect("builds");
    let truth = truth();
    for name in FORMS {
        let result = detector
            .detect(&read(&fixture(name)), &DetectOptions::default())
            .expect("reads");
        assert_eq!(result.total, truth.len(), "{name}");
        for (class, edges) in &truth {
            let found: Vec<_> = result
                .detections
                .iter()
                .filter(|d| overlap(detection_edges(d), *edges) > 0.5)
                .collect();
            assert_eq!(found.len(), 1, "{name}: one box at {edges:?}");
            assert_eq!(found[0].class.name(), class, "{name}: state at {edges:?}");
        }
    }
}

#[test]
fn confidence_asked_for_is_kept() {
    let detector = Detector::built_in().expect("builds");
    let bytes = read(&fixture("form.png"));
    let at = |conf| {
        let options = DetectOptions { conf: Some(conf) };
        detector.detect(&bytes, &options).expect("reads")
    };
    let (most, least) = (at(0.01), at(0.99));
    assert!(least.total <= most.total);
    assert!(least.detections.iter().all(|d| d.confidence >= 0.99));
    assert_eq!(at(1.0).total, 0);
}

#[test]
fn the_annotated_page_is_the_page_with_a_strip_below() {
    let detector = Detector::built_in().expect("builds");
    let bytes = read(&fixture("form.png"));
    let picture = detector
        .annotate(&bytes, &AnnotateOptions::default())
        .expect("draws");
    let drawn = image::load_from_memory(&picture).expect("decodes");
    let plain = image::load_from_memory(&bytes).expect("decodes");
    assert_eq!(drawn.width(), plain.width());
    assert!(drawn.height() > plain.height());
}

#[test]
fn blank_noisy_and_odd_pages_have_no_boxes_and_do_no_harm() {
    let detector = Detector::built_in().expect("builds");
    for (width, height) in [(8, 8), (1000, 1000), (3000, 40), (40, 3000)] {
        for grey in [0, 128, 255] {
            let picture = image::DynamicImage::ImageLuma8(image::GrayImage::from_pixel(
                width,
                height,
                image::Luma([grey]),
            ));
            let result = detector.detect_picture(&picture, 0.5).expect("runs");
            assert_eq!(result.total, 0, "{width} x {height}, grey {grey}");
        }
    }
}

/// The artifact under wasmtime and this crate compiled natively: the same boxes, the same states, numbers within 1e-3
/// (and the rounding of the result form). Not byte for byte, because native kernels multiply and add in one rounding
/// (FMA), which WebAssembly does not have.
#[test]
fn native_and_artifact_agree() {
    let Some(host) = std::env::var_os("CHECKBOX_HOST") else {
        eprintln!("not compared: CHECKBOX_HOST names no built host (./build.sh test sets it)");
        return;
    };
    let mut pages: Vec<PathBuf> = FORMS.map(fixture).to_vec();
    match corpus_pages() {
        Some(found) => pages.extend(found),
        None => eprintln!("no form corpus here: compared on drawn forms alone"),
    }
    let output = Command::new(host)
        .args(["count", "--json"])
        .args(&pages)
        .output()
        .expect("the host starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), pages.len());

    let detector = Detector::built_in().expect("builds");
    for (page, artifact) in pages.iter().zip(&lines) {
        let native = detector
            .detect(&read(page), &DetectOptions::default())
            .expect("reads");
        let name = page.display();
        assert_eq!(artifact["total"], native.total, "{name}");
        assert_eq!(artifact["model"], native.model.as_str());
        let detections = artifact["detections"].as_array().expect("a list");
        for (theirs, ours) in detections.iter().zip(&native.detections) {
            assert_eq!(theirs["class"], ours.class.name(), "{name}");
            // The kernels add up in other orders; results are rounded, edges to a hundredth of a pixel.
            let close = |a: f64, b: f64, apart: f64| (a - b).abs() <= apart;
            let confidence = theirs["confidence"].as_f64().expect("a number");
            assert!(
                close(confidence, ours.confidence, 1.5e-3),
                "{name}: {theirs} against {ours:?}"
            );
            for (a, b) in edges(&theirs["bbox"])
                .into_iter()
                .zip(detection_edges(ours))
            {
                assert!(close(a, b, 1.5e-2), "{name}: {theirs} against {ours:?}");
            }
        }
        assert!(
            native.detections.iter().any(|d| d.class == Class::Empty),
            "{name} has boxes"
        );
    }
}

/// Two scans of real forms, if the corpus (`CORPUS`, or beside the repository) is there.
fn corpus_pages() -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("CORPUS").map_or(beside, PathBuf::from);
    let pages = ["page_01.jpg", "page_07.jpg"]
        .map(|name| corpus.join("images/accident_statement").join(name));
    pages
        .iter()
        .all(|page| page.exists())
        .then(|| pages.to_vec())
}

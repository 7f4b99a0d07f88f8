//! Running a module that misbehaves: each request fails alone.

mod common;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::{RESULT, STANDIN, install, install_in, standin, standin_dir, tight};
use host_lambda::failure::Failure;
use host_lambda::identity::sha256;
use host_lambda::limits::Limits;
use host_lambda::module::{LoadError, Module, WASM_FILE};
use host_lambda::precompile::State;

fn code(result: Result<impl std::fmt::Debug, Failure>) -> String {
    result.expect_err("fails").code.into_owned()
}

#[test]
fn a_result_comes_back_unchanged() {
    let module = standin(tight());
    assert_eq!(module.detect(b"a picture", "{}").as_deref(), Ok(RESULT));
    assert_eq!(
        module.annotate(b"a picture", "").as_deref(),
        Ok(b"a picture".as_slice())
    );
    assert_eq!(module.info().version, "0.0.0");
    assert_eq!(module.info().limits.max_bytes, 1_000_000);
}

#[test]
fn the_modules_errors_come_back_unchanged() {
    let module = standin(tight());
    let failure = module.detect(b"E", "").expect_err("fails");
    assert_eq!(failure.code, "corrupt_image");
    assert_eq!(failure.detail, "the stand-in says so");
    assert_eq!(code(module.detect(b"", "")), "empty_input");
    assert_eq!(code(module.annotate(b"", "")), "empty_input");
}

#[test]
fn whatever_ends_an_instance_the_next_request_works() {
    let module = standin(tight());
    for (picture, expected) in [
        (b"T", "crashed"),
        (b"I", "crashed"),
        (b"G", "crashed"),
        (b"J", "crashed"),
        (b"P", "crashed"),
        (b"M", "out_of_memory"),
        (b"L", "timeout"),
    ] {
        assert_eq!(code(module.detect(picture, "")), expected, "{picture:?}");
        assert_eq!(
            module.detect(b"a picture", "").as_deref(),
            Ok(RESULT),
            "after {picture:?}"
        );
    }
    assert_eq!(code(module.annotate(b"T", "")), "crashed");
}

#[test]
fn a_crash_tells_the_words_of_the_panic() {
    let module = standin(tight());
    let failure = module.detect(b"W", "").expect_err("fails");
    assert_eq!(failure.code, "crashed");
    assert!(
        failure.detail.contains("panicked at the stand-in"),
        "{}",
        failure.detail
    );
    let failure = module.detect(b"T", "").expect_err("fails");
    assert!(failure.detail.contains("unreachable"), "{}", failure.detail);
}

#[test]
fn a_picture_that_does_not_fit_is_out_of_memory() {
    let module = standin(tight());
    let picture = vec![b'x'; tight().memory_bytes + 1];
    assert_eq!(code(module.detect(&picture, "")), "out_of_memory");
}

#[test]
fn the_time_limit_is_kept() {
    let limits = Limits {
        time: Duration::from_millis(400),
        ..tight()
    };
    let module = standin(limits);
    // Not in a hurry after a pause either: the clock sleeps while nothing runs.
    thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    assert_eq!(code(module.detect(b"L", "")), "timeout");
    let took = start.elapsed();
    // The upper bound is wide because the machine may be busy.
    assert!(
        took >= limits.time && took < limits.time + Duration::from_secs(5),
        "{took:?}"
    );
}

#[test]
fn a_request_in_trouble_does_not_touch_those_beside_it() {
    let module = standin(tight());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(code(module.detect(b"L", "")), "timeout"));
            scope.spawn(|| assert_eq!(code(module.detect(b"M", "")), "out_of_memory"));
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(module.detect(b"a picture", "").as_deref(), Ok(RESULT));
                }
            });
        }
    });
}

#[test]
fn every_request_has_an_instance_no_one_has_used() {
    let module = standin(tight());
    for _ in 0..3 {
        assert_eq!(
            module.detect(b"C", "").as_deref(),
            Ok(r#"{"success":true,"calls":1}"#)
        );
    }
}

#[test]
fn nothing_of_a_request_is_left_for_the_next() {
    let module = standin(tight());
    let marker = b"nobody else's business";
    let before = module.pristine_memory().expect("starts");
    // What the stand-in writes where it runs is the picture itself.
    let annotated = module.annotate(marker, "").expect("a picture");
    assert_eq!(annotated, marker);
    for picture in [&b"T"[..], b"M", b"L"] {
        let _ = module.detect(&[picture, marker].concat(), "");
    }
    let after = module.pristine_memory().expect("starts");
    assert!(after == before, "memory is as it was");
    assert!(!after.windows(marker.len()).any(|window| window == marker));
}

#[test]
fn a_compiled_module_begins_where_its_start_ended() {
    let dir = tempfile::tempdir().expect("a folder");
    let load = |state| {
        install_in(dir.path(), STANDIN, state);
        Module::load(dir.path(), tight()).expect("loads")
    };
    let [ready, as_built] = [State::Ready, State::AsBuilt].map(load);
    assert!(ready.manifest().ready && !as_built.manifest().ready);
    let [from_snapshot, from_start] =
        [&ready, &as_built].map(|module| module.pristine_memory().expect("starts"));
    // Had `cbd_init` done its work again, its mark would be 2 and the memory a page larger.
    assert_eq!(from_snapshot[150_000], 1);
    assert!(from_snapshot == from_start);
    assert_eq!(ready.detect(b"C", ""), as_built.detect(b"C", ""));
}

#[test]
fn the_manifest_names_the_module() {
    let module = standin(tight());
    let wasm = std::fs::read(standin_dir().join(WASM_FILE)).expect("read");
    assert_eq!(module.manifest().sha256, sha256(&wasm));
}

#[test]
fn a_module_that_cannot_start_is_not_loaded() {
    let dir = tempfile::tempdir().expect("a folder");
    let load = || Module::load(dir.path(), tight()).err().expect("refused");

    assert!(matches!(load(), LoadError::Missing { .. }));

    let broken = STANDIN.replace(
        "(global.set $ready (i32.const 1))",
        "(call $result (i32.const 3072) (i32.const 72)) (return (i32.const 1))",
    );
    install_in(dir.path(), &broken, State::AsBuilt);
    let words = load().to_string();
    assert!(words.contains("the stand-in says so"), "{words}");

    install(dir.path(), &STANDIN.replace("cbd_info", "cbd_other"));
    assert!(load().to_string().contains("cbd_info"));

    // Not a compiled module at all.
    std::fs::write(dir.path().join("checkbox_detector.cwasm"), b"\0asm").expect("written");
    assert!(matches!(load(), LoadError::Refused { .. }));

    std::fs::write(dir.path().join("module.json"), "{}").expect("written");
    assert!(matches!(load(), LoadError::BadManifest { .. }));
}

#[test]
fn compiling_again_does_nothing_unless_the_module_changed() {
    use host_lambda::cpu::LEVELS;
    use host_lambda::precompile::{Outcome, run};

    let compile = |dir: &Path, level| run(&dir.join(WASM_FILE), dir, level, State::Ready);
    let dir = tempfile::tempdir().expect("a folder");
    install(dir.path(), STANDIN);
    let here = || {
        LEVELS
            .iter()
            .filter(|level| level.arch == std::env::consts::ARCH)
    };
    let default = here().next_back().expect("a level");
    assert_eq!(
        compile(dir.path(), default).expect("runs"),
        Outcome::UpToDate
    );
    for level in here() {
        let expected = if level == default {
            Outcome::UpToDate
        } else {
            Outcome::Compiled
        };
        assert_eq!(compile(dir.path(), level).expect("runs"), expected);
        Module::load(dir.path(), tight()).expect("runs on this machine");
        compile(dir.path(), default).expect("back");
    }
    let other = wat::parse_str(STANDIN.replace("stand-in says", "stand-in said")).expect("valid");
    std::fs::write(dir.path().join(WASM_FILE), other).expect("written");
    assert_eq!(
        compile(dir.path(), default).expect("runs"),
        Outcome::Compiled
    );
}

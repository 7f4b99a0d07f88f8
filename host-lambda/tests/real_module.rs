//! The real module, where there is one: `CHECKBOX_MODULE_DIR` names the folder that it was built into. Without that
//! these tests say so and do nothing; with it, a module that does not work fails them.

use std::path::{Path, PathBuf};
use std::thread;

use host_lambda::identity::sha256;
use host_lambda::limits::Limits;
use host_lambda::module::{Module, WASM_FILE};
use serde_json::Value;

fn module() -> Option<(Module, PathBuf)> {
    let Some(dir) = std::env::var_os("CHECKBOX_MODULE_DIR").map(PathBuf::from) else {
        eprintln!("skipped: CHECKBOX_MODULE_DIR does not name a folder with the module");
        return None;
    };
    match Module::load(&dir, Limits::default()) {
        Ok(module) => Some((module, dir)),
        Err(error) => panic!("{error}"),
    }
}

/// The form that the project draws for its tests.
fn form(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../web/tests/fixtures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn it_counts_a_form_and_always_the_same() {
    let Some((module, _)) = module() else { return };
    let picture = form("form.png");
    let json = module.detect(&picture, "").expect("a result");
    let result: Value = serde_json::from_str(&json).expect("JSON");
    let truth: Value = serde_json::from_slice(&form("form.json")).expect("JSON");
    assert_eq!(result["image"], truth["image"]);
    // How good the network is, its own evaluation says. Here it is enough that it sees the form.
    let drawn = truth["boxes"].as_array().expect("boxes").len() as f64;
    let found = result["total"].as_f64().expect("a number");
    assert!(
        (found / drawn - 1.0).abs() <= 0.1,
        "{found} of {drawn}: {json}"
    );
    assert_eq!(result["model"], module.info().model.version);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(module.detect(&picture, "{}").as_deref(), Ok(json.as_str())));
        }
    });
}

#[test]
fn the_threshold_is_obeyed() {
    let Some((module, _)) = module() else { return };
    let picture = form("form.png");
    let total = |conf: &str| {
        let json = module
            .detect(&picture, &format!(r#"{{"conf":{conf}}}"#))
            .expect("a result");
        serde_json::from_str::<Value>(&json).expect("JSON")["total"]
            .as_u64()
            .expect("a number")
    };
    assert!(total("0.01") >= total("0.5") && total("0.5") > total("1"));
}

#[test]
fn it_draws_in_both_formats() {
    let Some((module, _)) = module() else { return };
    let picture = form("form.png");
    let jpeg = module.annotate(&picture, "").expect("a picture");
    assert!(jpeg.starts_with(b"\xff\xd8\xff"));
    let png = module
        .annotate(&picture, r#"{"format":"png"}"#)
        .expect("a picture");
    assert!(png.starts_with(b"\x89PNG"));
    // What is drawn can be read again.
    for drawn in [jpeg, png] {
        module.detect(&drawn, "").expect("a result");
    }
}

#[test]
fn its_errors_keep_their_codes() {
    let Some((module, _)) = module() else { return };
    let png = form("form.png");
    for (picture, options, code, status) in [
        (&b""[..], "", "empty_input", 400),
        (b"hello", "", "unsupported_format", 415),
        (b"%PDF-1.7\n", "", "unsupported_format", 415),
        (&png[..1000], "", "corrupt_image", 400),
        (&png, r#"{"conf":2}"#, "bad_options", 400),
        (&png, r#"{"confidence":1}"#, "bad_options", 400),
    ] {
        let failure = module.detect(picture, options).expect_err("fails");
        assert_eq!(
            (failure.code.as_ref(), failure.status().as_u16()),
            (code, status),
            "{failure:?}"
        );
    }
}

#[test]
fn broken_pictures_cost_only_themselves() {
    let Some((module, _)) = module() else { return };
    let picture = form("form-sideways.jpg");
    let whole = module.detect(&picture, "").expect("a result");
    // xorshift64, from a fixed seed: the same damage every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..40 {
        let mut broken = picture.clone();
        for _ in 0..8 {
            // Mostly in the head, where a byte changes most.
            let reach = if random(4) == 0 { broken.len() } else { 700 };
            let at = random(reach);
            broken[at] = random(256) as u8;
        }
        if let Err(failure) = module.detect(&broken, "") {
            assert_ne!(failure.code, "internal", "{failure:?}");
            assert_ne!(failure.code, "network", "{failure:?}");
        }
    }
    assert_eq!(module.detect(&picture, ""), Ok(whole));
}

/// On-CPU time of this thread in milliseconds: what a thing costs, however busy the machine is.
#[cfg(target_os = "linux")]
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds: f64 = text
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a number");
    nanoseconds / 1e6
}

/// The benchmark of a pristine instance; `cargo test … -- --nocapture a_pristine_instance` prints its figures.
#[test]
#[cfg(target_os = "linux")]
fn a_pristine_instance_costs_under_5_ms_and_answers_the_same() {
    use std::time::Instant;

    use host_lambda::cpu::CpuLevel;
    use host_lambda::precompile::{State, run};

    let Some((module, dir)) = module() else {
        return;
    };
    assert!(module.manifest().ready, "build.sh compiles it so");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let level = CpuLevel::named(&module.manifest().cpu).expect("a level");
    run(
        &dir.join(WASM_FILE),
        elsewhere.path(),
        level,
        State::AsBuilt,
    )
    .expect("compiles");
    let as_built = Module::load(elsewhere.path(), Limits::default()).expect("loads");

    let cost = |module: &Module, times: u32| {
        let (cpu, start) = (cpu_ms(), Instant::now());
        for _ in 0..times {
            module.check().expect("starts");
        }
        let wall = start.elapsed().as_secs_f64() * 1e3;
        let cpu = (cpu_ms() - cpu) / f64::from(times);
        (cpu, wall / f64::from(times))
    };
    let picture = form("form.png");
    let (cpu, wall) = cost(&module, 200);
    let (cpu_as_built, wall_as_built) = cost(&as_built, 10);
    let whole = |module: &Module| {
        let cpu = cpu_ms();
        let json = module.detect(&picture, "").expect("a result");
        (json, cpu_ms() - cpu)
    };
    let (json, detect) = whole(&module);
    let (json_as_built, detect_as_built) = whole(&as_built);
    println!(
        "a pristine instance: {cpu:.3} ms processor time ({wall:.3} ms by the clock); started anew: \
         {cpu_as_built:.1} ms ({wall_as_built:.1}); the whole form: {detect:.0} ms, started anew {detect_as_built:.0} ms"
    );
    assert_eq!(json, json_as_built);
    assert!(
        module.pristine_memory() == as_built.pristine_memory(),
        "the state is the same bit for bit"
    );
    assert!(cpu < 5.0, "{cpu} ms");
}

#[test]
fn nothing_of_one_form_can_be_read_by_the_next() {
    let Some((module, _)) = module() else { return };
    let before = module.pristine_memory().expect("starts");
    let (first, second) = (form("form.png"), form("form-sideways.jpg"));
    let alone = module.detect(&second, "");
    module.detect(&first, "").expect("a result");
    let after = module.pristine_memory().expect("starts");
    // From the middle of the file, where no two pictures are alike; any piece of it that were left would show.
    for at in (0..first.len() - 64).step_by(first.len() / 20) {
        let marker = &first[at..at + 64];
        let found = after.windows(64).any(|window| window == marker);
        assert!(!found, "bytes {at} to {} of the first form", at + 64);
    }
    assert!(
        after == before,
        "memory is back at its start, {} bytes",
        after.len()
    );
    assert_eq!(module.detect(&second, ""), alone);
}

#[test]
fn the_file_that_is_served_is_the_one_that_runs() {
    let Some((module, dir)) = module() else {
        return;
    };
    let wasm = std::fs::read(dir.join(WASM_FILE)).expect("the module");
    assert_eq!(module.manifest().sha256, sha256(&wasm));
}

#!/usr/bin/env bash
# Builds, runs and tests the checkbox detector. `./build.sh help` says what there is.
#
# Everything built lands in dist/ and target/; tools that are missing are installed (Debian packages, and the rest
# into $CACHE), tools that are there are used. A second run with nothing changed takes seconds.
set -euo pipefail
readonly CALLER=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly ROOT=$PWD
readonly DIST=$ROOT/dist
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/checkbox-detector
readonly TARGET=wasm32-unknown-unknown
# What the module must not exceed: a download that people wait for.
readonly MAX_MODULE_BYTES=14000000 MAX_MODULE_BROTLI=2300000

usage() {
  cat <<'HELP'
Usage: ./build.sh COMMAND

  serve [--port N]                     the page and the API on http://127.0.0.1:8080
  count [--json] [--conf X] FILE...    count checkboxes in the terminal
  build                                everything: module, host, page, npm package
  test                                 formatting, lints and every test
  package                              the npm package and the Lambda zip, in dist/package/
  golden                               write the tests' expected results anew, with pictures to look at
  help                                 this

Each command builds what it needs first and installs what is missing for that.
HELP
}

# ---------------------------------------------------------------- saying what happens

step() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}
# run LABEL COMMAND...: runs quietly; on failure shows what was printed and says which step it was.
run() {
  local label=$1 log
  shift
  step "$label"
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "failed: $label"
  fi
  rm -f "$log"
}
has() { command -v "$1" >/dev/null 2>&1; }
# room GB FOR: says so if less is free. A full disk shows as a linker, a browser or pip that fails for no visible reason.
room() {
  local free
  free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
  [ "$free" -ge "$1" ] || step "WARNING: $free GB of disk are free; $2 takes up to $1 GB"
}

# ---------------------------------------------------------------- tools

# need COMMAND PACKAGE...: installs Debian packages if the command is missing.
need() {
  local command=$1
  shift
  has "$command" || install_debian "$@"
}

install_debian() {
  has apt-get || die "missing: $* (install it by hand: this is no Debian)"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    has sudo || die "missing: $*, and installing it takes root"
    sudo=(sudo)
  fi
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -7 2>/dev/null | head -n 1)" ]; then
    run "apt-get update" "${sudo[@]}" apt-get update
  fi
  run "installing $*" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# Debian's current compiler, for where rustup is not.
DEBIAN_RUST=(rustc-web cargo-web rust-web-src lld-22)

need_rust() {
  has cargo || install_debian "${DEBIAN_RUST[@]}"
  need cc build-essential
}

# Node 20 or newer. Debian 12 has 18, which is enough to fetch a newer one from npm.
need_node() {
  local newer=$CACHE/node-22/node_modules/node/bin
  [ -x "$newer/node" ] && PATH=$newer:$PATH
  need node nodejs npm
  need npm npm
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    run "installing Node 22" npm install --no-save --prefix "$CACHE/node-22" node@22
    PATH=$newer:$PATH
  fi
}

# Sets MODULE_CARGO: how to call cargo for WebAssembly. With rustup's target where it is to be had; else with
# Debian's compiler, which comes with the sources of the standard library.
need_wasm_target() {
  MODULE_CARGO=(cargo)
  MODULE_FLAGS=()
  wasm_target_there && return
  if has rustup; then
    step "adding Rust's $TARGET target"
    timeout 300 rustup target add "$TARGET" >&2 || true
    wasm_target_there && return
    step "rustup has no $TARGET here; using Debian's compiler and building the standard library from source"
  fi
  if ! [ -x /usr/bin/cargo ] || ! [ -d /usr/lib/rustlib/src/rust ] || ! [ -x /usr/bin/rust-lld ]; then
    install_debian "${DEBIAN_RUST[@]}"
  fi
  MODULE_CARGO=(env "PATH=/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo)
  MODULE_FLAGS=("-Zbuild-std=std,panic_abort")
}

wasm_target_there() {
  local libraries
  libraries=$(rustc --print target-libdir --target "$TARGET" 2>/dev/null) && compgen -G "$libraries/libstd-*" >/dev/null
}

# The version of wasm-bindgen's tool must be that of the library.
need_wasm_bindgen() {
  local version home
  version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
  [ -n "$version" ] || die "Cargo.lock names no wasm-bindgen"
  home=$CACHE/wasm-bindgen-$version
  if has wasm-bindgen && [ "$(wasm-bindgen --version)" = "wasm-bindgen $version" ]; then
    WASM_BINDGEN=wasm-bindgen
    return
  fi
  WASM_BINDGEN=$home/bin/wasm-bindgen
  [ -x "$WASM_BINDGEN" ] && return
  # With its own lock file; without it where a locked dependency has been withdrawn.
  step "installing wasm-bindgen $version (about 3 minutes, once)"
  cargo install --quiet wasm-bindgen-cli --version "$version" --locked --root "$home" >&2 ||
    cargo install --quiet wasm-bindgen-cli --version "$version" --root "$home" >&2 ||
    die "wasm-bindgen-cli $version could not be installed"
}

# Python only for tests and for training; never where the detector runs.
# need_python FILE...: sets PYTHON_HOME to an environment with the packages that these files name.
need_python() {
  local file arguments=() python
  need python3 python3 python3-venv
  python=$(command -v python3)
  PYTHON_HOME=$CACHE/python-$(cat "$@" | sha256sum | cut -c1-12)
  [ ! -e "$PYTHON_HOME/ready" ] || return 0
  rm -rf "$PYTHON_HOME"
  "$python" -m venv "$PYTHON_HOME" 2>/dev/null || {
    install_debian python3-venv
    "$python" -m venv "$PYTHON_HOME"
  }
  for file in "$@"; do arguments+=(-r "$file"); done
  run "installing the Python packages of $*" "$PYTHON_HOME/bin/pip" install "${arguments[@]}"
  touch "$PYTHON_HOME/ready"
}

# ---------------------------------------------------------------- building

sha() { sha256sum "$1" | cut -d' ' -f1; }
# stamp NAME: a hash of everything on standard input; tells whether a step has to run again.
fresh() { [ "$(cat "$DIST/.stamp-$1" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s' "$2" >"$DIST/.stamp-$1"; }

build_module() {
  local raw=target/$TARGET/module/checkbox_detector.wasm key bound=target/bindings
  need_rust
  need_wasm_target
  need_wasm_bindgen
  mkdir -p "$DIST"
  step "module: compiling what has changed (5 minutes from nothing)"
  "${MODULE_CARGO[@]}" build --quiet --locked -p checkbox-detector --lib --profile module --target "$TARGET" "${MODULE_FLAGS[@]}" >&2 ||
    die "failed: compiling the module"
  key=$(cat "$raw" build.sh | sha256sum)
  if fresh module "$key" && [ -e "$DIST/checkbox_detector.wasm" ]; then return; fi
  rm -rf "$bound"
  # No wasm-opt after it: measured with binaryen 132, -Os makes the file 10% smaller, but its download 4% larger and
  # nothing faster, for four minutes of work.
  run "module: browser bindings" "$WASM_BINDGEN" --target web --omit-default-module-path \
    --remove-name-section --remove-producers-section --out-dir "$bound" --out-name checkbox_detector "$raw"
  check_module "$bound/checkbox_detector_bg.wasm"
  mkdir -p "$DIST/bindings"
  cp "$bound/checkbox_detector.js" "$bound/checkbox_detector.d.ts" "$DIST/bindings/"
  mv "$bound/checkbox_detector_bg.wasm" "$DIST/checkbox_detector.wasm"
  stamp module "$key"
}

# The module imports nothing but its browser bindings, in particular no clock and no randomness.
check_module() {
  need_node
  node - "$1" <<'JS' || die "the module does not keep its promises"
const bytes = require("fs").readFileSync(process.argv[2]);
const module = new WebAssembly.Module(bytes);
const imports = WebAssembly.Module.imports(module);
const odd = imports.filter((i) => i.module !== "./checkbox_detector_bg.js" || !/^__wb/.test(i.name) || i.kind !== "function"
  || /random|crypto|performance|now/i.test(i.name));
if (odd.length) { console.error("unexpected imports:", odd); process.exit(1); }
const names = new Set(WebAssembly.Module.exports(module).map((e) => e.name));
for (const name of ["memory", "cbd_init", "cbd_alloc", "cbd_free", "cbd_info", "cbd_detect", "cbd_annotate", "cbd_result_ptr", "cbd_result_len"])
  if (!names.has(name)) { console.error("missing export:", name); process.exit(1); }
JS
}

build_host() {
  local key
  need_rust
  step "host: compiling what has changed"
  cargo build --quiet --locked --release -p host-lambda --bin host-lambda >&2 || die "failed: compiling the host"
  cmp -s target/release/host-lambda "$DIST/host-lambda" || install -m 755 target/release/host-lambda "$DIST/host-lambda"
  key=$( (sha "$DIST/checkbox_detector.wasm" && cat Cargo.lock host-lambda/Cargo.toml && find host-lambda/src -type f -exec cat {} +) | sha256sum)
  if fresh host "$key" && [ -e "$DIST/checkbox_detector.cwasm" ]; then return; fi
  run "host: compiling its compiler" cargo build --locked --release -p host-lambda --features compile --bin precompile
  run "module: compiling ahead of time" target/release/precompile "$DIST/checkbox_detector.wasm" --out "$DIST"
  stamp host "$key"
}

need_web() {
  need_node
  if [ ! -e web/node_modules/.package-lock.json ] || [ web/package-lock.json -nt web/node_modules/.package-lock.json ]; then
    # Not `npm ci`: it refuses a lock file that does not list what an optional package needs on other platforms.
    run "web: installing its tools" npm install --no-save --prefix web --no-audit --no-fund
    touch web/node_modules/.package-lock.json
  fi
}

# What people wrote in web/, without what builds and tests leave there.
web_sources() {
  find web \( -name node_modules -o -path web/dist -o -path web/generated -o -path web/screenshots -o -path web/src/lib/bindings \) \
    -prune -o -type f -print0 | sort -z
}

build_web() {
  local key
  need_web
  key=$( (sha "$DIST/checkbox_detector.wasm" && web_sources | xargs -0 sha256sum) | sha256sum)
  if fresh web "$key" && [ -d "$DIST/page" ]; then return; fi
  run "web: page and npm package" npm run --silent --prefix web build
  stamp web "$key"
}

build() {
  build_module
  build_host
  build_web
}

# ---------------------------------------------------------------- commands

sizes() {
  need brotli brotli
  local module=$DIST/checkbox_detector.wasm bytes brotli
  bytes=$(stat -c %s "$module")
  brotli=$(brotli -q 11 -w 24 -c "$module" | wc -c)
  step "module: $bytes bytes, $brotli with brotli 11"
  [ "$bytes" -le "$MAX_MODULE_BYTES" ] || die "the module is larger than $MAX_MODULE_BYTES bytes"
  [ "$brotli" -le "$MAX_MODULE_BROTLI" ] || die "the module is larger than $MAX_MODULE_BROTLI bytes with brotli"
}

lint_rust() {
  step "Rust: format and lints"
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    has rustup || {
      step "NOT linted: Debian's compiler comes without clippy; install Rust from https://rustup.rs for it"
      return
    }
    run "adding rustfmt and clippy" rustup component add rustfmt clippy
  fi
  cargo fmt --all --check
  cargo clippy --quiet --locked --workspace --all-targets --all-features -- -D warnings
}

test_all() {
  room 11 "testing from nothing" # Python with PyTorch 7, what is compiled 3
  need_rust
  need shellcheck shellcheck
  need chromium chromium
  need firefox-esr firefox-esr
  step "scripts: shellcheck"
  shellcheck build.sh .ci/run host-lambda/tests/*.sh host-lambda/deploy/*.sh host-lambda/deploy/tests/stand-ins/*
  lint_rust
  build
  sizes
  step "model: format, lints, types, tests"
  test_model
  step "Rust: tests"
  # The detector with overflow checks; the host in release, whose compiler of WebAssembly is built already.
  CHECKBOX_HOST=$DIST/host-lambda cargo test --quiet --locked -p checkbox-detector
  test_host
  step "deploy: templates, scripts, figures"
  test_deploy
  step "web: format, lints, types"
  npm run --silent --prefix web check
  step "web: tests, in Node and Chromium"
  npm test --silent --prefix web
  step "all passed"
}

test_model() {
  # Drawn pages fall back to these letters.
  [ -d /usr/share/fonts/truetype/dejavu ] || install_debian fonts-dejavu-core
  need_python model/requirements.txt model/requirements-dev.txt # several GB, once
  local bin=$PYTHON_HOME/bin
  "$bin/ruff" format --quiet --check --config model/pyproject.toml model host-lambda
  "$bin/ruff" check --quiet --config model/pyproject.toml model host-lambda
  "$bin/mypy" --config-file model/pyproject.toml model
  cargo build --quiet --locked -p checkbox-detector --example run_onnx
  CHECKBOX_HOST=$DIST/host-lambda CHECKBOX_TRACT=$ROOT/target/debug/examples/run_onnx "$bin/python" -m pytest -q model/tests
}

# The host from inside (Rust), and from outside: under AWS's emulator, beside an S3, under load, by a fuzzer.
test_host() {
  package >/dev/null
  need_python host-lambda/tests/service/requirements.txt
  local emulator
  emulator=$(PYTHON=$PYTHON_HOME/bin/python host-lambda/tests/get-rie.sh) || die "AWS's Lambda emulator could not be fetched"
  CHECKBOX_RIE=$emulator CHECKBOX_HOST=$DIST/host-lambda CHECKBOX_MODULE_DIR=$DIST \
    cargo test --quiet --locked --release -p host-lambda --features compile
  step "host: tests of the service"
  CHECKBOX_RIE=$emulator CHECKBOX_HOST=$DIST/host-lambda LAMBDA_ZIP=$DIST/lambda.zip \
    "$PYTHON_HOME/bin/python" -m pytest -q -rP host-lambda/tests/service
}

# AWS's command line is not needed: stand-ins play it.
test_deploy() {
  need curl curl
  # An environment of its own: aws-sam-cli takes other versions than the S3 above.
  need_python host-lambda/deploy/requirements.txt
  CHECKBOX_HOST=$DIST/host-lambda "$PYTHON_HOME/bin/python" -m pytest -q host-lambda/deploy/tests
}

golden() {
  need_rust
  CHECKBOX_RENEW=1 cargo test --quiet --locked -p checkbox-detector --test golden -- --nocapture
  step "written to detector/tests/golden; before you commit them, look at the pictures in target/golden"
}

package() {
  build
  need zip zip
  mkdir -p "$DIST/package/lambda"
  cp "$DIST/host-lambda" "$DIST/package/lambda/bootstrap"
  cp "$DIST/checkbox_detector.cwasm" "$DIST/module.json" "$DIST/package/lambda/"
  rm -f "$DIST/lambda.zip"
  run "packing the Lambda zip" zip -q -9 -j -X "$DIST/lambda.zip" "$DIST/package/lambda/"*
  rm -rf "$DIST/package/lambda"
  ls -l "$DIST/lambda.zip" "$DIST"/package/*.tgz
}

main() {
  local command=${1:-help}
  [ $# -eq 0 ] || shift
  case $command in
    build) build ;;
    serve)
      build
      exec "$DIST/host-lambda" serve "$@"
      ;;
    count)
      build_module
      build_host
      cd "$CALLER" # the files are named from there
      exec "$DIST/host-lambda" count "$@"
      ;;
    test) test_all ;;
    golden) golden ;;
    package) package ;;
    help | --help | -h) usage ;;
    *)
      usage >&2
      die "there is no command '$command'"
      ;;
  esac
}

main "$@"

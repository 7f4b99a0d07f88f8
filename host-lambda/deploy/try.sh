#!/usr/bin/env bash
# The same requests against a local server or a deployed endpoint, and whether each was answered as it should be.
# `./try.sh --help` says how.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FIXTURES=$HERE/../../web/tests/fixtures
readonly HERE FIXTURES
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$HERE/lib.sh"

usage() {
  cat <<'HELP'
Usage: ./try.sh local [URL] [OPTION]...       a server on this machine [default: http://127.0.0.1:8080]
       ./try.sh deployed URL [OPTION]...      an endpoint on AWS

  --api-key KEY    the key that opens it; - reads it from standard input, where other users of the machine do not see it
  --token TOKEN    the same for a bearer token
  --help           this

Prints a line for each request; the exit code is 1 if one was not answered as it should be.
HELP
}

WHERE='' URL='' SECRET='' HEADER=''
while [ $# -gt 0 ]; do
  case $1 in
    --api-key | --token)
      [ $# -ge 2 ] || die "$1 takes a value"
      SECRET=$2
      [ "$SECRET" != - ] || IFS= read -r SECRET || [ -n "$SECRET" ] || die "standard input is empty"
      HEADER="x-api-key: $SECRET"
      [ "$1" = --api-key ] || HEADER="authorization: Bearer $SECRET"
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    local | deployed)
      [ -z "$WHERE" ] || die "there is one place to try, not $WHERE and $1"
      WHERE=$1
      ;;
    http://* | https://*) URL=${1%/} ;;
    *)
      usage >&2
      die "'$1' is neither an option nor a URL"
      ;;
  esac
  shift
done
case $WHERE-$URL in
  local-) URL=http://127.0.0.1:8080 ;;
  deployed-) die "which URL? deploy.sh prints it at its end" ;;
  -*)
    usage >&2
    die "local or deployed?"
    ;;
esac
require 'curl=your package manager' 'base64=your package manager'

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# curl reads the secret out of a file that no one else can, because a command line can be seen by everyone.
(umask 077 && : >"$WORK/open" && printf 'header = "%s"\n' "$HEADER" >"$WORK/key")
[ -n "$HEADER" ] || : >"$WORK/key"

PASSED=0 FAILED=0

# ask_for OPTION...: sends a request; its status in STATUS, its answer in $WORK/body and $WORK/head, its seconds in TOOK.
ask_for() {
  local config=key result
  if [ "$1" = --without-key ]; then
    config=open
    shift
  fi
  result=$(curl --silent --max-time 90 --config "$WORK/$config" --output "$WORK/body" --dump-header "$WORK/head" \
    --write-out '%{http_code} %{time_total}' "$@") || true
  read -r STATUS TOOK <<<"$result"
}

# verdict NAME WRONG: a line of the table; WRONG is what is wrong, or nothing.
verdict() {
  if [ -z "$2" ]; then
    PASSED=$((PASSED + 1))
    printf 'pass  %-52s %3s %8s s\n' "$1" "$STATUS" "$TOOK"
  else
    FAILED=$((FAILED + 1))
    printf 'FAIL  %-52s %3s %8s s  %s\n' "$1" "$STATUS" "$TOOK" "$2"
  fi
}

# answer: what came back, on one line that fits a terminal.
answer() { head -c 300 "$WORK/body" | tr -c '[:print:]' ' '; }

# expect NAME STATUS WORDS CURL-OPTION...: the status, and the words somewhere in the answer.
expect() {
  local name=$1 status=$2 words=$3 wrong=''
  shift 3
  : >"$WORK/body"
  ask_for "$@"
  if [ "$STATUS" != "$status" ]; then
    wrong="expected $status: $(answer)"
  elif ! grep -qF -- "$words" "$WORK/body"; then
    wrong="expected $words: $(answer)"
  fi
  verdict "$name" "$wrong"
}

# expect_same NAME CURL-OPTION...: the answer of the first detection, to the last byte.
expect_same() {
  local name=$1 wrong=''
  shift
  : >"$WORK/body"
  ask_for "$@"
  if [ "$STATUS" != 200 ] || ! grep -qF '"success":true' "$WORK/body"; then
    wrong="expected 200 and a result: $(answer)"
  elif ! cmp -s "$WORK/first" "$WORK/body"; then
    wrong="another answer than to the form: $(answer)"
  fi
  verdict "$name" "$wrong"
}

# expect_picture NAME MAGIC CURL-OPTION...: a file that begins with these bytes (in hexadecimal): it came through whole.
expect_picture() {
  local name=$1 magic=$2 wrong='' begins
  shift 2
  : >"$WORK/body"
  ask_for "$@"
  begins=$(head -c $((${#magic} / 2)) "$WORK/body" | od -An -v -tx1 | tr -d ' \n')
  if [ "$STATUS" != 200 ] || [ "$begins" != "$magic" ]; then
    wrong="expected 200 and a file that begins with $magic: $(answer)"
  elif [ "$(wc -c <"$WORK/body")" -lt 20000 ]; then
    wrong="the picture has only $(wc -c <"$WORK/body") bytes"
  fi
  verdict "$name" "$wrong"
}

# ---------------------------------------------------------------- what is sent

FORM=$FIXTURES/form.png
head -c 20000 "$FORM" >"$WORK/broken.png"
printf '%%PDF-1.7\n1 0 obj <<>> endobj\n' >"$WORK/form.pdf"
printf 'no picture' >"$WORK/notes.txt"
# A PNG of 68 bytes that says it has 32,000 x 32,000 pixels.
base64 -d >"$WORK/huge.png" <<<'iVBORw0KGgoAAAANSUhEUgAAfQAAAH0ACAAAAACm6Y3RAAAAC0lEQVR4nGNggAAAAAgAAbdYc5UAAAAASUVORK5CYII='
# A PNG of one pixel, and a TIFF of two white pages of 64 x 64.
base64 -d >"$WORK/pixel.png" <<<'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=='
tr -d '\n' >"$WORK/pages.base64" <<'TIFF'
SUkqABYAAAB4nPv/fxSMZAAAHvH+EAkAAAEDAAEAAABAAAAAAQEDAAEAAABAAAAAAgEDAAEAAAABAAAAAwEDAAEAAAAIAAAABgEDAAEAAAABAAAAEQEEAAEA
AAAIAAAAFgEDAAEAAABAAAAAFwEEAAEAAAAOAAAAHAEDAAEAAAABAAAApgAAAAAAAAAAAAAASUkqABYAAAB4nPv/fxSMZAAAHvH+EAkAAAEDAAEAAABAAAAA
AQEDAAEAAABAAAAAAgEDAAEAAAABAAAAAwEDAAEAAAAIAAAABgEDAAEAAAABAAAAEQEEAAEAAACYAAAAFgEDAAEAAABAAAAAFwEEAAEAAAAOAAAAHAEDAAEA
AAABAAAAAAAAAAAAAAAAAAAA
TIFF
base64 -d <"$WORK/pages.base64" >"$WORK/pages.tif"
base64 <"$FORM" | tr -d '\n' >"$WORK/base64"
{ printf '{"image":"' && cat "$WORK/base64" && printf '"}'; } >"$WORK/plain.json"
{ printf '{"image":"data:image/png;base64,' && cat "$WORK/base64" && printf '"}'; } >"$WORK/url.json"
{
  printf '{"images":[{"name":"one","image":"' && cat "$WORK/base64"
  printf '"},{"name":"two","image":"%s"}]}' "$(base64 <"$WORK/broken.png" | tr -d '\n')"
} >"$WORK/batch.json"

printf '%s\n' "$URL"
ask_for "$URL/health"
[ "$STATUS" != 000 ] || die "nothing answers at $URL$([ "$WHERE" = deployed ] || printf '; start ./build.sh serve')"

# ---------------------------------------------------------------- what it says of itself

expect 'health' 200 '"model_loaded":true' "$URL/health"
expect 'description' 200 '"/predict"' "$URL/"
expect 'openapi.json' 200 '"openapi":"3.' "$URL/openapi.json"
expect 'info' 200 '"sha256":"' "$URL/info"
# A local server says what it takes. On AWS the way in stops what is larger than it carries: Function URLs at 6 MB,
# the gateways at 10.
TOO_LARGE=11000000
[ "$WHERE" = deployed ] || TOO_LARGE=$(($(sed -n 's/.*"max_body_bytes":\([0-9]*\).*/\1/p' "$WORK/body") + 1))

# ---------------------------------------------------------------- detection, however the picture comes

expect 'detect: multipart form' 200 '"success":true,"image":{"width":1275,"height":1650}' -F "file=@$FORM" "$URL/predict"
cp "$WORK/body" "$WORK/first"
expect_same 'detect: the picture alone' -H 'content-type: image/png' --data-binary "@$FORM" "$URL/predict"
expect_same 'detect: the picture alone, no content type' -H 'content-type:' --data-binary "@$FORM" "$URL/predict"
expect_same 'detect: the picture alone, wrong content type' -H 'content-type: text/plain' --data-binary "@$FORM" "$URL/predict"
expect_same 'detect: base64 in JSON' -H 'content-type: application/json' --data-binary "@$WORK/plain.json" "$URL/predict/json"
expect_same 'detect: data URL in JSON' -H 'content-type: application/json' --data-binary "@$WORK/url.json" "$URL/predict/json"
expect 'detect: conf as a field' 200 '"total":0' -F "file=@$FORM" -F conf=1 "$URL/predict"
expect 'detect: conf in the query' 200 '"total":0' -F "file=@$FORM" "$URL/predict?conf=1"
expect 'batch: two files, one broken' 200 '"success":false,"code":"corrupt_image"' \
  -F "file=@$FORM" -F "file=@$WORK/broken.png" "$URL/predict"
expect 'pages: two in one TIFF' 200 '{"success":true,"pages":[{"page":1,"success":true,' -F "file=@$WORK/pages.tif" "$URL/predict"
expect 'pages: the second alone' 200 '"image":{"width":64,"height":64}' -F "file=@$WORK/pages.tif" -F page=2 "$URL/predict"
expect 'batch: names and order' 200 '{"success":true,"results":[{"name":"one","success":true' \
  -H 'content-type: application/json' --data-binary "@$WORK/batch.json" "$URL/predict/json"
expect_picture 'annotate: JPEG' ffd8ff -F "file=@$FORM" "$URL/predict/image"
expect_picture 'annotate: PNG' 89504e470d0a1a0a -F "file=@$FORM" "$URL/predict/image?format=png"

# ---------------------------------------------------------------- what must be refused

expect 'refused: a text' 415 '"code":"unsupported_' -F "file=@$WORK/notes.txt" "$URL/predict"
expect 'refused: a PDF' 415 '"code":"unsupported_format"' -F "file=@$WORK/form.pdf" "$URL/predict"
expect 'refused: half a picture' 400 '"code":"corrupt_image"' -F "file=@$WORK/broken.png" "$URL/predict"
expect 'refused: nothing' 400 '"code":"empty_input"' -X POST "$URL/predict"
expect 'refused: conf=2' 400 '"code":"bad_options"' -F "file=@$FORM" "$URL/predict?conf=2"
expect 'refused: one pixel' 422 '"code":"too_small"' -F "file=@$WORK/pixel.png" "$URL/predict"
expect 'refused: page 3 of 2' 422 '"code":"no_such_page"' -F "file=@$WORK/pages.tif" -F page=3 "$URL/predict"
expect 'refused: a billion pixels' 413 '"code":"too_many_pixels"' -F "file=@$WORK/huge.png" "$URL/predict"
# Without a word on what it says: on AWS this is the way in's own refusal.
truncate -s "$TOO_LARGE" "$WORK/zeros"
expect "refused: $TOO_LARGE bytes" 413 '' --data-binary "@$WORK/zeros" "$URL/predict"
rm "$WORK/zeros"
expect 'refused: GET /predict' 405 '"code":"method_not_allowed"' "$URL/predict"
expect 'refused: an unknown path' 404 '"code":"not_found"' "$URL/nothing-is-here"
if [ -n "$HEADER" ]; then
  expect 'refused: no key' 401 '"code":"unauthorized"' --without-key -F "file=@$FORM" "$URL/predict"
  expect 'refused: a wrong key' 401 '"code":"unauthorized"' --without-key -H 'x-api-key: not-the-right-one' -F "file=@$FORM" "$URL/predict"
fi

printf '%s passed, %s failed\n' "$PASSED" "$FAILED"
[ "$FAILED" = 0 ]

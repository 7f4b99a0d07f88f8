#!/usr/bin/env bash
# Fetches AWS's Lambda Runtime Interface Emulator and prints where it is: the tests take it from CHECKBOX_RIE.
# AWS publishes it inside the Python package aws-sam-cli; that one file is taken out of it. PYTHON names a Python with
# pip, if it is not python3.
set -euo pipefail

readonly VERSION=1.170.0
case $(uname -m) in
  x86_64)
    name=aws-lambda-rie-x86_64
    sha256=6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5
    ;;
  aarch64 | arm64)
    name=aws-lambda-rie-arm64
    sha256=ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21
    ;;
  *)
    echo "get-rie.sh: there is no emulator for $(uname -m)" >&2
    exit 1
    ;;
esac

cache=${XDG_CACHE_HOME:-$HOME/.cache}/checkbox-detector
emulator=$cache/$name-$VERSION

if ! [ -x "$emulator" ]; then
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/rie.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "aws-sam-cli==$VERSION" >&2
  "${PYTHON:-python3}" -m zipfile -e "$work"/aws_sam_cli-*.whl "$work/wheel"
  file=$work/wheel/samcli/local/rapid/$name
  if ! echo "$sha256  $file" | sha256sum --check --quiet >&2; then
    echo "get-rie.sh: the emulator in aws-sam-cli $VERSION is not the one expected" >&2
    exit 1
  fi
  chmod +x "$file"
  mv "$file" "$emulator"
fi
echo "$emulator"

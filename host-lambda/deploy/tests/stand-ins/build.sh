#!/usr/bin/env bash
# Stands in for the project's build.sh: makes what `package` would, for the machine that the test is about.
printf 'build.sh %s\n' "$*" >>"$STAND_IN/calls"
[ ! -e "$STAND_IN/build-fails" ] || exit 1
dist=$(dirname "$0")/dist
mkdir -p "$dist"
printf '{"sha256":"0","target":"%s"}' "$(cat "$STAND_IN/target")" >"$dist/module.json"
printf 'ELF GLIBC_2.17 %s GLIBC_2.4 ' "$(cat "$STAND_IN/glibc")" >"$dist/host-lambda"
# An archive with nothing in it, to which `zip` can add.
printf 'PK\005\006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >"$dist/lambda.zip"

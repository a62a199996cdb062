#!/usr/bin/env bash
# Unpacks the classes of all Android libraries in a folder.
# Usage: unpack.sh LIBRARIES CLASSES
set -euo pipefail
libraries="$1" classes="$2"

mkdir -p "$classes"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for library in "$libraries"/*.aar; do
    (cd "$work" && jar xf "$library" classes.jar)
    (cd "$classes" && jar xf "$work/classes.jar")
done
rm -rf "$classes/META-INF"

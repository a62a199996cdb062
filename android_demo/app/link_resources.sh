#!/usr/bin/env bash
# Compiles the resources and links them with the manifest and the models, as Android's Gradle plugin does.
# Usage: link_resources.sh FRAMEWORK_RESOURCES FOLDER
# Writes FOLDER/{AndroidManifest.xml,assets,java,resources.apk}.
set -euo pipefail
framework="$1" folder="$2"
cd "$(dirname "$0")"

rm -rf "$folder"
mkdir -p "$folder/assets"
cp ../../tflite_models/*.tflite ../../tflite_models/*.json "$folder/assets"
# Gradle gives the package by its namespace.
sed 's/<manifest /<manifest package="org.fqss.demo" /' src/main/AndroidManifest.xml >"$folder/AndroidManifest.xml"
aapt2 compile --dir src/main/res -o "$folder/compiled.zip"
# Debian's aapt2 is older than <uses-native-library>.
aapt2 link "$folder/compiled.zip" -I "$framework" --manifest "$folder/AndroidManifest.xml" \
    -A "$folder/assets" -0 .tflite --java "$folder/java" -o "$folder/resources.apk" \
    --warn-manifest-validation --min-sdk-version 24 --target-sdk-version 35 --version-code 1 --version-name 1.0

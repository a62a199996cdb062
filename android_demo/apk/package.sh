#!/usr/bin/env bash
# Makes, signs and checks an APK with Debian's tools from what the other modules have built.
# Usage: package.sh ANDROID_JAR FOLDER, with FOLDER/{program,tools}/*.jar; writes FOLDER/voices-apart.apk.
set -euo pipefail
android_jar="$1" folder="$2"
cd "$(dirname "$0")"

linked="$PWD/../app/target/linked"
libraries="$PWD/../tensorflow_lite_classes/target/libraries"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

tools="$(printf '%s:' "$folder"/tools/*.jar "$folder"/program/*.jar)"
inputs=()
for jar in "$folder"/program/*.jar; do
    inputs+=(-injars "$jar(!META-INF/**)")
done
java -Xmx1g -cp "$tools" proguard.ProGuard "${inputs[@]}" -outjars "$work/shrunk.jar" \
    -libraryjars "$android_jar(!META-INF/**)" -include shrink.pro >"$folder/shrink.log"
java -Xmx1g -cp "$tools" com.android.dx.command.Main --dex --min-sdk-version=24 \
    --output="$work/classes.dex" "$work/shrunk.jar"

cp "$linked/resources.apk" "$work/unaligned.apk"
for library in "$libraries"/*.aar; do
    (cd "$work" && jar xf "$library" jni)
done
mkdir "$work/lib"
mv "$work/jni/arm64-v8a" "$work/lib/"
(cd "$work" && jar uf0 unaligned.apk classes.dex lib)
zipalign -p 4 "$work/unaligned.apk" "$work/aligned.apk"
zipalign -c -p 4 "$work/aligned.apk"

# A throw-away key, as Android's debug key is: such an APK can be installed, not published.
keytool -genkeypair -keystore "$work/key" -storepass android -keyalg RSA -dname CN=debug -validity 10000 2>/dev/null
apksigner sign --ks "$work/key" --ks-pass pass:android --min-sdk-version 24 \
    --out "$folder/voices-apart.apk" "$work/aligned.apk"

apksigner verify --verbose --min-sdk-version 24 "$folder/voices-apart.apk"
badging="$(aapt2 dump badging "$folder/voices-apart.apk")"
grep -E "^(package|sdkVersion|targetSdkVersion|launchable-activity|native-code)" <<<"$badging"
grep -q "^native-code: 'arm64-v8a'" <<<"$badging"

plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.fqss.demo"
    compileSdk = 35

    defaultConfig {
        applicationId = "org.fqss.demo"
        minSdk = 24
        targetSdk = 35
        versionCode = 1
        versionName = "1.0"
    }

    sourceSets["main"].assets.srcDir(rootDir.resolve("../tflite_models"))

    androidResources {
        noCompress += "tflite"
        ignoreAssetsPattern = "!*.md:!*.npz" // cards, and weights to train from
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    testOptions {
        unitTests {
            isIncludeAndroidResources = true
            all {
                it.systemProperty("screenshots", layout.buildDirectory.dir("screenshots").get().asFile)
                it.jvmArgs("--add-opens=java.base/java.io=ALL-UNNAMED") // for Robolectric
            }
        }
    }
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    implementation(project(":core"))
    implementation("org.tensorflow:tensorflow-lite:2.16.1")
    implementation("org.tensorflow:tensorflow-lite-gpu:2.16.1")
    implementation("org.tensorflow:tensorflow-lite-gpu-api:2.14.0")
    testImplementation("junit:junit:4.13.2")
    testImplementation("org.robolectric:robolectric:4.16")
}

plugins {
    id("org.jetbrains.kotlin.jvm")
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    compileOnly("org.json:json:20240303") // Android has these classes itself
    testImplementation("org.json:json:20240303")
    testImplementation("junit:junit:4.13.2")
    testImplementation("org.bytedeco:tensorflow-lite:2.18.0-1.5.11")
    testImplementation("org.bytedeco:tensorflow-lite:2.18.0-1.5.11:linux-x86_64")
    testImplementation("org.bytedeco:javacpp:1.5.11:linux-x86_64")
    testImplementation("net.java.dev.jna:jna:5.15.0")
}

tasks.test {
    systemProperty("models", rootDir.resolve("../tflite_models"))
}

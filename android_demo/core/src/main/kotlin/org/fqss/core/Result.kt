package org.fqss.core

import java.io.File
import java.util.Properties

/** A separated recording on the disk, as [FileSeparation] and [LiveRecorder] leave it. */
class Result(val folder: File) {
    private val properties = ResultProperties.read(folder)
    val sources: List<String> get() = properties.sources

    /** Seconds that the separation took. */
    val computeSeconds: Double get() = properties.computeSeconds

    /** What the app keeps beside the sound. */
    val facts: Map<String, String> get() = properties.facts
    val mixtureFile = File(folder, MIXTURE_FILE)

    fun sourceFile(source: String) = sourceFile(folder, source)

    companion object {
        internal const val MIXTURE_FILE = "mixture.wav"

        internal fun sourceFile(folder: File, source: String) = File(folder, "source_$source.wav")
    }
}

internal class ResultProperties(val sources: List<String>, val computeSeconds: Double, val facts: Map<String, String>) {
    fun write(folder: File) {
        val properties = Properties()
        properties.setProperty("sources", sources.joinToString("\n"))
        properties.setProperty("compute_seconds", computeSeconds.toString())
        facts.forEach { (name, value) -> properties.setProperty(FACT + name, value) }
        File(folder, FILE).outputStream().use { properties.store(it, null) }
    }

    companion object {
        private const val FILE = "result.properties"
        private const val FACT = "fact."

        /** @throws SeparationException the folder holds no whole result. */
        fun read(folder: File): ResultProperties = try {
            val properties = Properties()
            File(folder, FILE).inputStream().use(properties::load)
            ResultProperties(
                properties.getProperty("sources").split("\n"),
                properties.getProperty("compute_seconds").toDouble(),
                properties.stringPropertyNames().filter { it.startsWith(FACT) }
                    .associate { it.removePrefix(FACT) to properties.getProperty(it) },
            )
        } catch (error: Exception) {
            throw SeparationException("This result is gone or damaged: separate the recording again.", error)
        }
    }
}

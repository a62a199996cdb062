package org.fqss.core

import java.io.File
import java.io.IOException
import java.util.UUID

/** Where a [FileSeparation] is: which pass, and how far from 0 to 1; null where the length is unknown. */
data class Progress(val step: Step, val share: Double?) {
    enum class Step { READING, SEPARATING }
}

/** Ends a separation that the person cancelled. */
class CancelledException : Exception()

/**
 * Separates a whole recording into a folder: the mixture as the model hears it and one WAV file per source, all or none.
 *
 * Memory does not grow with the length: the recording is decoded to the disk first, and is separated from there.
 *
 * @param freeBytes how much may still be written.
 * @param facts what the result keeps beside its sound, asked at the end.
 */
class FileSeparation(
    private val engine: Engine,
    private val freeBytes: () -> Long,
    private val facts: () -> Map<String, String> = { emptyMap() },
    private val nanoTime: () -> Long = System::nanoTime,
    private val onProgress: (Progress) -> Unit = {},
    private val isCancelled: () -> Boolean = { false },
) {
    /**
     * @throws SeparationException no samples, an unreadable recording or too little space.
     * @throws CancelledException [isCancelled] said so.
     */
    fun run(recording: Recording, folder: File): Result {
        val channels = channels(engine, recording)
        checkSpace(recording.rate, recording.estimatedSamples ?: 0, channels, writtenBytes = 0)
        val unfinished = File(folder.parentFile, ".${UUID.randomUUID()}")
        try {
            if (!unfinished.mkdirs()) throw IOException("cannot make ${unfinished.name}")
            val mixture = File(unfinished, Result.MIXTURE_FILE)
            WavWriter(mixture, recording.rate, channels).use { decode(recording, it, channels) }
            val seconds = WavReader(mixture).use { separated(it, unfinished) }
            ResultProperties(engine.description.sources, seconds, facts()).write(unfinished)
            if (!unfinished.renameTo(folder)) throw IOException("cannot rename ${unfinished.name}")
            return Result(folder)
        } catch (error: IOException) {
            throw SeparationException("Cannot write the result: ${error.message}. Free some storage and try again.", error)
        } finally {
            unfinished.deleteRecursively()
        }
    }

    private fun decode(recording: Recording, mixture: WavWriter, channels: Int) {
        var done = 0L
        while (true) {
            val read = recording.read() ?: break
            val block = if (channels == 1) Pcm.mono(read, recording.channels) else read
            mixture.write(block)
            done += block.size / channels
            report(Progress.Step.READING, done, recording.estimatedSamples)
        }
        if (done == 0L) throw SeparationException("The recording holds no samples: choose another file.")
        checkSpace(recording.rate, done, channels, writtenBytes = neededBytes(done, sources = 0, channels))
    }

    /** Seconds that it took. */
    private fun separated(mixture: WavReader, folder: File): Double {
        val started = nanoTime()
        val separation = Separation.of(engine, mixture.rate, mixture.channels)
        val writers = engine.description.sources.map {
            WavWriter(Result.sourceFile(folder, it), mixture.rate, mixture.channels)
        }
        try {
            var done = 0L
            while (done < mixture.samples) {
                val block = mixture.read(done, BLOCK_SAMPLES)
                writers.zip(separation.push(block)) { writer, part -> writer.write(part) }
                done += block.size / mixture.channels
                report(Progress.Step.SEPARATING, done, mixture.samples)
            }
            writers.zip(separation.finish()) { writer, part -> writer.write(part) }
        } finally {
            writers.forEach(WavWriter::close)
        }
        return (nanoTime() - started) / 1e9
    }

    private fun checkSpace(rate: Int, samples: Long, channels: Int, writtenBytes: Long) {
        val needed = neededBytes(samples, engine.sources, channels) - writtenBytes
        val free = freeBytes()
        if (needed > free) {
            throw SeparationException(
                "The result needs ${megabytes(needed)} MB and ${megabytes(free)} MB are free " +
                    "(${samples / rate} s of sound): free some storage or choose a shorter recording.",
            )
        }
    }

    private fun megabytes(bytes: Long) = (bytes + 999_999) / 1_000_000

    private fun report(step: Progress.Step, done: Long, total: Long?) {
        if (isCancelled()) throw CancelledException()
        onProgress(Progress(step, total?.takeIf { it > 0 }?.let { minOf(done.toDouble() / it, 1.0) }))
    }

    companion object {
        private const val BLOCK_SAMPLES = 8192

        /** What a result of that many samples takes on the disk. */
        fun neededBytes(samples: Long, sources: Int, channels: Int) = samples * channels * Pcm.SAMPLE_BYTES * (sources + 1)

        /** Of the result: both of a stereo recording where the model hears both, else one. */
        fun channels(engine: Engine, recording: Recording) =
            if (engine.hearsStereo && recording.channels == SpectrogramForm.CHANNELS) recording.channels else 1
    }
}

package org.fqss.core

import java.io.Closeable
import java.io.File
import java.io.IOException
import java.util.UUID

/** What a live session shows after each block. */
data class LiveStatus(
    /** Seconds of sound so far. */
    val seconds: Double,
    /** Peak of the block, 0 to 1. */
    val mixtureLevel: Float,
    /** Peaks of the sources that came back last, 0 to 1. */
    val sourceLevels: List<Float>,
    val realTimeFactor: Double?,
)

/** Sends live sound through a [StreamingSession] and keeps the mixture and the sources as a [Result]. */
class LiveRecorder(
    private val session: StreamingSession,
    private val folder: File,
    private val freeBytes: () -> Long,
    private val nanoTime: () -> Long = System::nanoTime,
) : Closeable {
    private val unfinished = File(folder.parentFile, ".${UUID.randomUUID()}")
    private val mixture: WavWriter
    private val writers: List<WavWriter>
    private val factor = RunningRealTimeFactor(WINDOW_SECONDS)
    private var received = 0L
    private var computeSeconds = 0.0
    private var sourceLevels = List(session.sources.size) { 0f }

    init {
        unfinished.mkdirs()
        mixture = WavWriter(File(unfinished, Result.MIXTURE_FILE), session.rate)
        writers = session.sources.map { WavWriter(Result.sourceFile(unfinished, it), session.rate) }
    }

    /** @throws SeparationException the storage is full. */
    fun push(block: ShortArray): LiveStatus = guarded {
        if (freeBytes() < SPARE_BYTES) throw IOException("no space left")
        mixture.write(block)
        received += block.size
        keep(block.size) { session.push(block) }
        LiveStatus(seconds, level(block), sourceLevels, factor.value)
    }

    /**
     * Ends the recording; null where nothing was recorded.
     *
     * @param facts what the result keeps beside its sound.
     */
    fun finish(facts: Map<String, String> = emptyMap()): Result? = guarded {
        if (received == 0L) return@guarded null
        keep(0, session::finish)
        (writers + mixture).forEach(WavWriter::close)
        ResultProperties(session.sources, computeSeconds, facts).write(unfinished)
        if (!unfinished.renameTo(folder)) throw IOException("cannot rename ${unfinished.name}")
        Result(folder)
    }

    /** Leaves nothing behind of a recording that was not finished. */
    override fun close() {
        (writers + mixture).forEach { runCatching(it::close) }
        unfinished.deleteRecursively()
    }

    private val seconds get() = received / session.rate.toDouble()

    private fun keep(samples: Int, separated: () -> List<ShortArray>) {
        val started = nanoTime()
        val parts = separated()
        val elapsed = (nanoTime() - started) / 1e9
        computeSeconds += elapsed
        factor.add(samples / session.rate.toDouble(), elapsed)
        if (parts[0].isNotEmpty()) sourceLevels = parts.map(::level)
        writers.zip(parts) { writer, part -> writer.write(part) }
    }

    private fun level(block: ShortArray) = Level.peak(block) / Pcm.FULL_SCALE.toFloat()

    private fun <T> guarded(work: () -> T): T = try {
        work()
    } catch (error: IOException) {
        throw SeparationException("Cannot write the recording: ${error.message}. Free some storage and try again.", error)
    }

    private companion object {
        const val WINDOW_SECONDS = 6.0 // some segments, which compute in bursts
        const val SPARE_BYTES = 20_000_000L
    }
}

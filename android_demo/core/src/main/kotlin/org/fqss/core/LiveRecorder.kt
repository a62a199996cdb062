package org.fqss.core

import java.io.Closeable
import java.io.File
import java.io.IOException
import java.util.UUID

/** What a live session shows ten times a second. */
data class LiveStatus(
    /** Seconds of sound so far. */
    val seconds: Double,
    /** Peak since the last one, 0 to 1. */
    val mixtureLevel: Float,
    /** Peaks of what came back of each source since, or did last, 0 to 1. */
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
    private var shown = 0L
    private var mixtureLevel = 0f
    private var sourceLevels = List(session.sources.size) { 0f }
    private var isFirstPart = true // since what was shown

    /** Whether the storage is full: the recording ends with what was received before. */
    var isFull = false
        private set

    init {
        unfinished.mkdirs()
        mixture = WavWriter(File(unfinished, Result.MIXTURE_FILE), session.rate)
        writers = session.sources.map { WavWriter(Result.sourceFile(unfinished, it), session.rate) }
    }

    /**
     * What is to be shown by now, null in between.
     *
     * @throws SeparationException the storage is full from the start.
     */
    fun push(block: ShortArray): LiveStatus? = guarded {
        isFull = freeBytes() < SPARE_BYTES
        if (isFull && received == 0L) throw IOException("no space left")
        if (isFull) return@guarded null
        mixture.write(block)
        received += block.size
        keep(block.size) { session.push(block) }
        mixtureLevel = maxOf(mixtureLevel, level(block))
        if (received - shown < session.rate / STATUSES_PER_SECOND) null else status()
    }

    private fun status() = LiveStatus(seconds, mixtureLevel, sourceLevels, factor.value).also {
        shown = received
        mixtureLevel = 0f
        isFirstPart = true
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
        if (parts[0].isNotEmpty()) {
            val before = if (isFirstPart) List(parts.size) { 0f } else sourceLevels
            sourceLevels = before.zip(parts.map(::level)) { a, b -> maxOf(a, b) }
            isFirstPart = false
        }
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
        const val STATUSES_PER_SECOND = 10
        const val SPARE_BYTES = 20_000_000L
    }
}

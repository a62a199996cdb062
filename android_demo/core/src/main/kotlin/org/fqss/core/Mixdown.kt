package org.fqss.core

import java.io.Closeable

/**
 * What is heard of a [Result]: the sources that are not muted, in sync by construction, or the mixture.
 *
 * Threads may share it: one plays while another presses buttons.
 */
class Mixdown(result: Result) : Closeable {
    private val readers = result.sources.map { WavReader(result.sourceFile(it)) }
    private val mixture = WavReader(result.mixtureFile)
    private val muted = BooleanArray(readers.size)
    private var solo: Int? = null

    val rate = mixture.rate
    val channels = mixture.channels
    val samples = mixture.samples

    /** Whether the mixture is heard instead of the sources. */
    @get:Synchronized
    @set:Synchronized
    var isMixtureHeard = false

    /** The next sample to be played. */
    @get:Synchronized
    @set:Synchronized
    var position = 0L
        set(value) {
            field = value.coerceIn(0, samples)
        }

    @Synchronized
    fun isMuted(source: Int) = muted[source]

    @Synchronized
    fun setMuted(source: Int, isMuted: Boolean) {
        muted[source] = isMuted
    }

    /** The only source that is heard, muted or not; null: all that are not muted. */
    @get:Synchronized
    @set:Synchronized
    var soloSource: Int?
        get() = solo
        set(value) {
            solo = value
        }

    @Synchronized
    fun isHeard(source: Int) = !isMixtureHeard && (solo?.let { it == source } ?: !muted[source])

    /**
     * The next [count] samples of each channel, interleaved, fewer at the end; the sum of the sources that are heard,
     * limited to 16 bits.
     */
    @Synchronized
    fun read(count: Int): ShortArray {
        val heard = if (isMixtureHeard) listOf(mixture) else readers.filterIndexed { source, _ -> isHeard(source) }
        val blocks = heard.map { it.read(position, count) }
        val length = (samples - position).coerceAtMost(count.toLong()).toInt()
        position += length
        return ShortArray(length * channels) { sample ->
            blocks.sumOf { it[sample].toInt() }.coerceIn(-Pcm.FULL_SCALE, Pcm.FULL_SCALE - 1).toShort()
        }
    }

    @Synchronized
    override fun close() = (readers + mixture).forEach(WavReader::close)
}

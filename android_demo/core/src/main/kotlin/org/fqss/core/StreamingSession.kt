package org.fqss.core

/** Live separation: sound goes in as it comes and the sources come out with a known delay. */
interface StreamingSession {
    val rate: Int
    val sources: List<String>

    /** A sample that is pushed comes back at the latest after this many further samples, and what the phone takes. */
    val latencySamples: Int

    /** Takes int16 [samples] and returns what is final by now, [sources, samples]. */
    fun push(block: ShortArray): List<ShortArray>

    /** The rest. */
    fun finish(): List<ShortArray>
}

/**
 * A network of one fixed length on a stream, chunk by chunk with the running gain, as `fqss-tf separate --stream`.
 * Sound comes back one segment later.
 */
class ChunkedStreamingSession(engine: Engine, override val rate: Int) : StreamingSession {
    private val separation = Separation.of(engine, rate, loudest = null)
    override val sources = engine.description.sources
    override val latencySamples = (engine.description.segment.toLong() * rate / engine.description.sampleRate).toInt()

    override fun push(block: ShortArray) = separation.push(block)

    override fun finish() = separation.finish()
}

/** Seconds of computing per second of sound over the last seconds; below 1 a stream keeps up. */
class RunningRealTimeFactor(private val windowSeconds: Double) {
    private val steps = ArrayDeque<Pair<Double, Double>>()

    fun add(soundSeconds: Double, computeSeconds: Double) {
        steps.addLast(soundSeconds to computeSeconds)
        while (steps.size > 1 && steps.sumOf { it.first } - steps.first().first >= windowSeconds) steps.removeFirst()
    }

    /** Null before there was sound. */
    val value: Double?
        get() {
            val sound = steps.sumOf { it.first }
            return if (sound > 0) steps.sumOf { it.second } / sound else null
        }
}

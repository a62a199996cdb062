package org.fqss.core

/**
 * Live separation: sound goes in as it comes and the sources come out with a known delay, as of
 * `fqss-tf separate --stream`: some milliseconds with a step model, one segment with any other.
 *
 * @throws SeparationException the model is one over spectrograms.
 */
class StreamingSession(engine: Engine, val rate: Int) {
    private val description = engine.description
    private val separation: Separation
    val sources get() = description.sources

    init {
        if (engine.hearsStereo) {
            throw SeparationException("The chosen model separates songs, from files alone: choose another model for live sound.")
        }
        separation = Separation.of(engine, rate)
    }

    /** A sample that is pushed comes back at the latest after this many further samples, and what the phone takes. */
    val latencySamples = (description.latency.toLong() * rate / description.sampleRate).toInt() +
        Separation.resamplingDelay(rate, description.sampleRate)

    /** Takes int16 [samples] and returns what is final by now, [sources, samples]. */
    fun push(block: ShortArray): List<ShortArray> = separation.push(block)

    /** The rest. */
    fun finish(): List<ShortArray> = separation.finish()
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

package org.fqss.core

import kotlin.math.ceil

/**
 * Separates a stream by a step model (fqss_tf.runtime.streaming): a step is computed when it is full, and what comes out
 * before the first sample is dropped. At the end planes of zero follow.
 */
internal class Steps<A>(
    private val type: SampleType<A>,
    private val engine: Engine,
    private val level: StepLevel<A>,
) : SourceStream<A> {
    private val description = engine.description
    private val peak = RunningPeak(description.sampleRate / description.segment.toDouble())
    private val none = List(engine.sources) { level.none }
    private var waiting = level.none
    private var given = 0L
    private var returned = 0L
    private var toSkip = description.lag!!

    // Peak that each sample was divided by whose estimate is still to come.
    private var peaks = DoubleArray(toSkip) { Pcm.FULL_SCALE.toDouble() }

    override fun push(block: A): List<A> {
        given += type.size(block)
        waiting = type.joined(waiting, block)
        var ready = none
        while (type.size(waiting) >= description.segment) {
            ready = joined(ready, separated(type.cut(waiting, 0, description.segment)))
            waiting = type.cut(waiting, description.segment, type.size(waiting))
        }
        return ready
    }

    override fun finish(): List<A> {
        var ready = none
        while (returned < given) {
            ready = joined(ready, separated(waiting))
            waiting = level.none
        }
        return ready
    }

    private fun separated(samples: A): List<A> {
        val stepPeak = peak.of(level.largest(samples))
        peaks += DoubleArray(description.segment) { stepPeak }
        val mixture = level.planes(samples, stepPeak, description.inputStages)
        val stages = engine.run(mixture.copyOf(description.segment * description.inputStages))
        val estimates = level.estimates(engine, stages, peaks)
        peaks = peaks.copyOfRange(description.segment, peaks.size)
        return withoutEnds(estimates)
    }

    /** Without what came before the first sample, or comes behind the last of the stream. */
    private fun withoutEnds(estimates: List<A>): List<A> {
        val skipped = minOf(toSkip, description.segment)
        toSkip -= skipped
        val kept = minOf((description.segment - skipped).toLong(), given - returned).toInt()
        returned += kept
        return estimates.map { type.cut(it, skipped, skipped + kept) }
    }

    private fun joined(first: List<A>, second: List<A>) = first.zip(second) { a, b -> type.joined(a, b) }
}

/** The loudest sample so far, in 16-bit steps, which falls by half in 11 s (fqss_tf.runtime.stream_level). */
internal class RunningPeak(stepsPerSecond: Double) {
    private val release = Math.rint(RELEASE_SECONDS * stepsPerSecond)
    private var peak = LEAST

    /** The peak of the next step, whose own largest magnitude is [largest]. */
    fun of(largest: Double): Double {
        peak = maxOf(largest, peak - ceil(peak / release), LEAST)
        return peak
    }

    private companion object {
        const val RELEASE_SECONDS = 16
        const val LEAST = (Pcm.FULL_SCALE / 100).toDouble()
    }
}

/** How samples of a type are brought to full scale and back; peaks in 16-bit steps. */
internal interface StepLevel<A> {
    val none: A

    /** The largest magnitude in 16-bit steps. */
    fun largest(samples: A): Double

    /** int8 [samples, stages] of samples of which [peak] becomes full scale. */
    fun planes(samples: A, peak: Double, stages: Int): ByteArray

    /** The estimates at the level of the input, [sources, samples]; [peaks] has one for each sample, or more. */
    fun estimates(engine: Engine, stages: List<ByteArray>, peaks: DoubleArray): List<A>

    /** In integers throughout, for a model of two planes each way. */
    object Int16 : StepLevel<ShortArray> {
        override val none = ShortArray(0)

        override fun largest(samples: ShortArray) = Level.peak(samples).toDouble()

        override fun planes(samples: ShortArray, peak: Double, stages: Int): ByteArray =
            Planes.splitInt16(ShortArray(samples.size) { clipped(Math.floorDiv(samples[it] * Pcm.FULL_SCALE, peak.toInt())) })

        override fun estimates(engine: Engine, stages: List<ByteArray>, peaks: DoubleArray): List<ShortArray> =
            engine.combinedInt16(stages).map { source ->
                ShortArray(source.size) {
                    clipped(Math.floorDiv(source[it] * peaks[it].toInt() + Pcm.FULL_SCALE / 2, Pcm.FULL_SCALE))
                }
            }

        private fun clipped(sample: Int) = sample.coerceIn(-Pcm.FULL_SCALE, Pcm.FULL_SCALE - 1).toShort()
    }

    object Float32 : StepLevel<FloatArray> {
        override val none = FloatArray(0)

        override fun largest(samples: FloatArray) = Level.peak(samples).toDouble() * Pcm.FULL_SCALE

        override fun planes(samples: FloatArray, peak: Double, stages: Int): ByteArray {
            val gain = (Pcm.FULL_SCALE / peak).toFloat()
            return Planes.split(FloatArray(samples.size) { samples[it] * gain }, stages)
        }

        override fun estimates(engine: Engine, stages: List<ByteArray>, peaks: DoubleArray): List<FloatArray> =
            engine.combined(stages).map { source ->
                FloatArray(source.size) { (source[it] * (peaks[it] / Pcm.FULL_SCALE)).toFloat() }
            }
    }
}

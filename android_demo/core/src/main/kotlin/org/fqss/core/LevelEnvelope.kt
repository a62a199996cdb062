package org.fqss.core

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor

/** [samples] less their offset, and the level of each: whole numbers, in 16-bit steps. */
internal class Leveled(val samples: DoubleArray, val levels: DoubleArray)

/**
 * A level that follows the sound, so that loud and quiet passages are heard alike (fqss_tf.runtime.level_envelope).
 *
 * It is that of the loudest blocks nearby, less a few: a click is louder for its own block and no longer. Before that,
 * the offset is taken away, the median of the blocks' means.
 */
internal class LevelEnvelope(rate: Int) {
    private val block = maxOf(Math.rint(BLOCK_SECONDS * rate).toInt(), 1)
    private val nearby = (NEARBY_SECONDS / BLOCK_SECONDS).toInt()

    /** The levels of a segment, of which nothing before or after need be known. */
    fun of(samples: DoubleArray): Leveled {
        val starts = samples.indices step block
        val pieces = starts.map { samples.copyOfRange(it, minOf(it + block, samples.size)) }
        val offset = offsetOf(pieces.map(DoubleArray::mean))
        val centered = DoubleArray(samples.size) { samples[it] - offset }
        val peaks = starts.map { largest(centered, it, minOf(it + block, samples.size)) }
        val levels = peaks.indices.map { maxOf(loudestNearby(peaks, it), peaks[it]) }
        val joints = levels.zipWithNext(::maxOf)
        val edges = listOf(levels.first()) + joints + levels.last()
        val ramps = edges.zipWithNext { first, last -> ramp(first, last, block) }
        return Leveled(centered, DoubleArray(samples.size) { ramps[it / block][it % block] })
    }

    private fun loudestNearby(peaks: List<Double>, place: Int): Double {
        val among = peaks.subList(maxOf(place - nearby, 0), minOf(place + nearby + 1, peaks.size))
        return among.sortedDescending().getOrElse(LOUDER_BLOCKS) { 0.0 }
    }

    internal companion object {
        private const val BLOCK_SECONDS = 0.016
        const val NEARBY_SECONDS = 1.0
        const val LOUDER_BLOCKS = 2

        fun offsetOf(means: Collection<Double>): Double = floor(means.sorted()[means.size / 2] + 0.5)

        fun largest(samples: DoubleArray, from: Int, until: Int): Double =
            ceil((from until until).maxOf { abs(samples[it]) })

        /** From [first] towards [last], which begins the next block. */
        fun ramp(first: Double, last: Double, length: Int) =
            DoubleArray(length) { floor((first * (length - it) + last * it) / length) }
    }
}

/** Does the same for a stream, step by step, without what is yet to come. */
internal class StreamLevel(stepsPerSecond: Double) {
    private val nearby = (LevelEnvelope.NEARBY_SECONDS * stepsPerSecond).toInt() + 1
    private val peaks = ArrayDeque<Double>()
    private val means = ArrayDeque<Double>()
    private var offset = 0.0
    private var level = 0.0

    /** The last step of a stream may have fewer samples, or none. */
    fun of(samples: DoubleArray): Leveled {
        if (samples.isEmpty()) return Leveled(samples, samples)
        val offsets = offsets(samples)
        val centered = DoubleArray(samples.size) { samples[it] - offsets[it] }
        val largest = LevelEnvelope.largest(centered, 0, centered.size)
        add(peaks, largest)
        val place = minOf(LevelEnvelope.LOUDER_BLOCKS, peaks.size - 1)
        val before = level
        level = maxOf(peaks.sortedDescending()[place], largest)
        return Leveled(centered, LevelEnvelope.ramp(maxOf(before, level), level, samples.size))
    }

    private fun offsets(samples: DoubleArray): DoubleArray {
        val isFirst = means.isEmpty()
        add(means, samples.mean())
        val before = offset
        offset = LevelEnvelope.offsetOf(means)
        return LevelEnvelope.ramp(if (isFirst) offset else before, offset, samples.size)
    }

    private fun add(values: ArrayDeque<Double>, value: Double) {
        values.addLast(value)
        if (values.size > nearby) values.removeFirst()
    }
}

/** Added up from the first to the last: the same to the last bit as in Python. */
private fun DoubleArray.mean(): Double = sum() / size

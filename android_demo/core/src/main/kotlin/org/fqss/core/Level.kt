package org.fqss.core

import kotlin.math.abs

/**
 * The level at which a network sees a segment: peak 1, whatever the level of the recording
 * (fqss_tf.runtime.levelling). Silence in, silence out, without running the network.
 */
object Level {
    /** The largest magnitude; -32768 has one, so this is up to 32768. */
    fun peak(samples: ShortArray): Int = samples.maxOfOrNull { abs(it.toInt()) } ?: 0

    fun peak(samples: FloatArray): Float = samples.maxOfOrNull { abs(it) } ?: 0f

    /** The gain that brings a peak to 1; silence has no peak to bring anywhere: its gain is 1. */
    fun peakGain(peak: Float): Double = if (peak < java.lang.Float.MIN_NORMAL) 1.0 else 1.0 / peak

    /**
     * Separates one segment of 16-bit samples of any level in integers throughout.
     *
     * @param loudest largest magnitude of the recording; null: that of the segment, so that nothing need be known
     *   of what follows.
     */
    fun levelled(engine: Engine, segment: ShortArray, loudest: Int?): List<ShortArray> {
        val segmentPeak = peak(segment)
        if (segmentPeak == 0) return List(engine.sources) { ShortArray(segment.size) }
        val divisor = loudest ?: segmentPeak
        val atFullScale = ShortArray(segment.size) {
            Math.floorDiv(segment[it] * Pcm.FULL_SCALE, divisor).coerceIn(-Pcm.FULL_SCALE, Pcm.FULL_SCALE - 1).toShort()
        }
        return engine.forward(atFullScale).map { source ->
            ShortArray(source.size) {
                Math.floorDiv(source[it] * divisor + Pcm.FULL_SCALE / 2, Pcm.FULL_SCALE).toShort()
            }
        }
    }

    /** The same in floats. */
    fun levelled(engine: Engine, segment: FloatArray, loudest: Float?): List<FloatArray> {
        val segmentPeak = peak(segment)
        if (segmentPeak == 0f) return List(engine.sources) { FloatArray(segment.size) }
        val gain = peakGain(loudest ?: segmentPeak).toFloat()
        return engine.forward(FloatArray(segment.size) { segment[it] * gain }).map { source ->
            FloatArray(source.size) { source[it] / gain }
        }
    }
}

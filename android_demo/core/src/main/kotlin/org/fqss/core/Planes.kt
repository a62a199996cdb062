package org.fqss.core

import kotlin.math.floor
import kotlin.math.round

/**
 * A waveform as several 8-bit planes, the most significant first, and back (fqss_tf.runtime.planes).
 *
 * A 16-bit sample and two planes are the same thing: `msb = x shr 8` and `lsb = (x and 255) - 128`.
 */
object Planes {
    private const val STEPS = 128
    private const val RADIX = 256
    private const val HALF_STEP = 0.5f / STEPS // of the first plane

    /**
     * Splits amplitudes in [-1, 1) into planes; values outside saturate. One plane is rounded to nearest; of several,
     * each is floored and the next has the remainder.
     *
     * @return int8 [samples, stages], row by row, to be read with scale 1/128 and zero point 0.
     */
    fun split(waveform: FloatArray, stages: Int): ByteArray {
        val planes = ByteArray(waveform.size * stages)
        for (sample in waveform.indices) {
            var remainder = waveform[sample].toDouble()
            for (stage in 0 until stages) {
                val scaled = remainder * STEPS
                val whole = if (stages == 1) round(scaled) else floor(scaled)
                val plane = whole.coerceIn(-STEPS.toDouble(), STEPS - 1.0)
                planes[sample * stages + stage] = plane.toInt().toByte()
                remainder = 2.0 * (scaled - plane) - 1.0
            }
        }
        return planes
    }

    /** As [split], but the first of several planes is rounded to nearest, too, so that 0 is 0 in all of them. */
    fun splitNearest(values: FloatArray, stages: Int): ByteArray =
        split(if (stages > 1) FloatArray(values.size) { values[it] + HALF_STEP } else values, stages)

    /** Planes [places, channels, stages] -> [places, stages, channels]: those of a stage together. */
    fun behindEachOther(planes: ByteArray, channels: Int, stages: Int) = ByteArray(planes.size) {
        val place = it / (stages * channels)
        val stage = it / channels % stages
        val channel = it % channels
        planes[(place * channels + channel) * stages + stage]
    }

    /** The inverse of [split] for one int8 [samples] per stage: float32 [samples] in [-1, 1). */
    fun combine(stages: List<ByteArray>): FloatArray = FloatArray(stages[0].size) { sample ->
        var amplitude = stages[0][sample] / STEPS.toDouble()
        var step = STEPS.toDouble()
        for (stage in 1 until stages.size) {
            step *= RADIX
            amplitude += (stages[stage][sample] + STEPS) / step
        }
        amplitude.toFloat()
    }

    /** Two planes of 16-bit samples without a float: int8 [samples, 2], row by row. */
    fun splitInt16(samples: ShortArray): ByteArray {
        val planes = ByteArray(2 * samples.size)
        for (sample in samples.indices) {
            val value = samples[sample].toInt()
            planes[2 * sample] = (value shr 8).toByte()
            planes[2 * sample + 1] = ((value and 255) - STEPS).toByte()
        }
        return planes
    }

    /** The inverse of [splitInt16] for two planes of int8 [samples]. */
    fun combineInt16(high: ByteArray, low: ByteArray): ShortArray =
        ShortArray(high.size) { ((high[it].toInt() shl 8) + low[it] + STEPS).toShort() }
}

package org.fqss.core

import kotlin.math.abs

/**
 * The level at which a network hears a segment: full scale, whatever the level of the recording
 * (fqss_tf.runtime.levelling). Silence in, silence out, without running the network.
 */
object Level {
    private const val LEAST = 32.0 // -60 dBFS: what is quieter stays below full scale

    /** The largest magnitude; -32768 has one, so this is up to 32768. */
    fun peak(samples: ShortArray): Int = samples.maxOfOrNull { abs(it.toInt()) } ?: 0

    fun peak(samples: FloatArray): Float = samples.maxOfOrNull { abs(it) } ?: 0f

    /** Separates up to one segment of 16-bit samples of any level, in whole numbers throughout. */
    fun levelled(engine: Engine, samples: ShortArray): List<ShortArray> {
        val leveled = envelope(engine).of(inSteps(samples))
        if (isSilent(leveled)) return List(engine.sources) { ShortArray(samples.size) }
        val segment = toFullScale(leveled).copyOf(engine.description.segment)
        return engine.forward(segment).map { fromFullScale(it.copyOf(samples.size), leveled.levels) }
    }

    /** The same in floats. */
    fun levelled(engine: Engine, samples: FloatArray): List<FloatArray> {
        val leveled = envelope(engine).of(inSteps(samples))
        if (isSilent(leveled)) return List(engine.sources) { FloatArray(samples.size) }
        val segment = toFloats(leveled).copyOf(engine.description.segment)
        return engine.forward(segment).map { fromFloats(it.copyOf(samples.size), leveled.levels) }
    }

    private fun envelope(engine: Engine) = LevelEnvelope(engine.description.sampleRate)

    private fun isSilent(leveled: Leveled) = leveled.samples.all { it == 0.0 }

    internal fun inSteps(samples: ShortArray) = DoubleArray(samples.size) { samples[it].toDouble() }

    internal fun inSteps(samples: FloatArray) = DoubleArray(samples.size) { samples[it].toDouble() * Pcm.FULL_SCALE }

    /** Floored as the planes do, and clipped. */
    internal fun toFullScale(leveled: Leveled) = ShortArray(leveled.samples.size) {
        clipped(Math.floorDiv(leveled.samples[it].toLong() * Pcm.FULL_SCALE, maxOf(leveled.levels[it], LEAST).toLong()))
    }

    /** Undoes it, rounded, and clipped. */
    internal fun fromFullScale(estimates: ShortArray, levels: DoubleArray) = ShortArray(estimates.size) {
        val rescaled = estimates[it] * levels[it].toLong()
        clipped(Math.floorDiv(rescaled + Pcm.FULL_SCALE / 2, Pcm.FULL_SCALE.toLong()))
    }

    internal fun toFloats(leveled: Leveled) =
        FloatArray(leveled.samples.size) { (leveled.samples[it] / maxOf(leveled.levels[it], LEAST)).toFloat() }

    internal fun fromFloats(estimates: FloatArray, levels: DoubleArray) =
        FloatArray(estimates.size) { (estimates[it] * (levels[it] / Pcm.FULL_SCALE)).toFloat() }

    private fun clipped(sample: Long) =
        sample.coerceIn(-Pcm.FULL_SCALE.toLong(), Pcm.FULL_SCALE - 1L).toShort()
}

package org.fqss.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.round

/** 16-bit samples as bytes, as channels and as floats (fqss_tf.runtime.samples). */
object Pcm {
    const val FULL_SCALE = 32768
    const val SAMPLE_BYTES = 2

    /** Signed 16-bit little-endian bytes to samples; an odd byte at the end is left out. */
    fun samples(bytes: ByteArray, count: Int = bytes.size): ShortArray {
        val samples = ShortArray(count / SAMPLE_BYTES)
        ByteBuffer.wrap(bytes, 0, count).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(samples)
        return samples
    }

    fun bytes(samples: ShortArray): ByteArray {
        val bytes = ByteBuffer.allocate(samples.size * SAMPLE_BYTES).order(ByteOrder.LITTLE_ENDIAN)
        bytes.asShortBuffer().put(samples)
        return bytes.array()
    }

    /** Interleaved [samples, channels] to the rounded mean [samples]: models over samples are mono. */
    fun mono(interleaved: ShortArray, channels: Int): ShortArray {
        if (channels == 1) return interleaved
        return ShortArray(interleaved.size / channels) { sample ->
            var sum = 0.0
            for (channel in 0 until channels) sum += interleaved[sample * channels + channel]
            round(sum / channels).toInt().toShort()
        }
    }

    /** Interleaved [samples, channels] to one array per channel. */
    fun channels(interleaved: ShortArray, channels: Int) = List(channels) { channel ->
        ShortArray(interleaved.size / channels) { interleaved[it * channels + channel] }
    }

    /** Undoes [channels]. */
    fun interleaved(channels: List<ShortArray>): ShortArray = channels.singleOrNull()
        ?: ShortArray(channels.size * channels[0].size) { channels[it % channels.size][it / channels.size] }

    /** 16 bits to [-1, 1). */
    fun toFloat(samples: ShortArray): FloatArray = FloatArray(samples.size) { samples[it] / FULL_SCALE.toFloat() }

    /** Floats in [-1, 1) to 16 bits, rounded; what lies outside saturates. */
    fun toInt16(samples: FloatArray): ShortArray = ShortArray(samples.size) { toInt16(samples[it]) }

    fun toInt16(sample: Float): Short =
        round((sample * FULL_SCALE).toDouble()).coerceIn(-FULL_SCALE.toDouble(), FULL_SCALE - 1.0).toInt().toShort()
}

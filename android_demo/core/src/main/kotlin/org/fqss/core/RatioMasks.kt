package org.fqss.core

import org.fqss.core.SpectrogramForm.Companion.CHANNELS
import org.fqss.core.SpectrogramForm.Masks
import kotlin.math.exp

/**
 * Separates a stereo recording by ratio masks over its spectrogram, as it comes (fqss_tf.audio.ratio_masks).
 *
 * A network says how much of each magnitude every source has. The square of this, over the sum of the squares of all
 * sources, is the part of the spectrum that the source gets. Memory is that of one segment, whatever the length.
 *
 * @param logitsOf magnitudes [frames, bins, 2] of a whole segment -> logits [frames / 2, bins / 2, 8 * sources].
 */
internal class RatioMasks(
    private val form: SpectrogramForm,
    private val sources: Int,
    private val logitsOf: (FloatArray) -> FloatArray,
) {
    private val stft = StereoStft(form.kernel)
    private val spectra = StereoSpectra(form.frames, form.bins)
    private val sums = List(sources) { OverlapAdd(form.kernel, form.hop) }
    private val masks = DoubleArray(sources) // of one bin
    private val shares = List(sources) { FloatArray(form.bins * CHANNELS) }

    // A frame of silence comes first.
    private var waiting = List(CHANNELS) { FloatArray(form.kernel) }
    private var toSkip = form.kernel
    private var frames = 0 // of the segment so far
    private var given = 0L
    private var returned = 0L

    /** Takes samples [2, samples] and returns what is final by now, [sources, 2, samples]. */
    fun push(block: List<FloatArray>): List<List<FloatArray>> {
        given += block[0].size
        waiting = waiting.zip(block) { before, samples -> before + samples }
        return separated()
    }

    /** The rest: all parts together are as long as what was pushed. */
    fun finish(): List<List<FloatArray>> {
        val count = (waiting[0].size + form.hop - 1) / form.hop
        waiting = waiting.map { it.copyOf((count - 1) * form.hop + form.kernel) }
        val ready = separated()
        return if (frames == 0) ready else joined(ready, segment())
    }

    /** Whole segments of what is waiting. */
    private fun separated(): List<List<FloatArray>> {
        var ready = List(sources) { List(CHANNELS) { FloatArray(0) } }
        var start = 0
        while (start + form.kernel <= waiting[0].size) {
            stft.transform(waiting, start, spectra, frames++)
            start += form.hop
            if (frames == form.frames) ready = joined(ready, segment())
        }
        waiting = waiting.map { it.copyOfRange(start, it.size) }
        return ready
    }

    /** Separates the frames that are there; those that are missing are empty. */
    private fun segment(): List<List<FloatArray>> {
        val heard = FloatArray(form.pixels)
        for (place in 0 until spectra.at(frames, 0, 0)) heard[place] = spectra.magnitude(place) / MAGNITUDE_RANGE
        val logits = logitsOf(heard)
        val parts = List(sources) { List(CHANNELS) { FloatArray(frames * form.hop) } }
        for (frame in 0 until frames) {
            for (bin in 0 until form.bins) {
                for (channel in 0 until CHANNELS) share(logits, frame, bin, channel)
            }
            for (source in 0 until sources) {
                stft.addBack(spectra, frame, shares[source], sums[source])
                sums[source].take(parts[source], frame * form.hop)
            }
        }
        frames = 0
        return withoutEnds(parts)
    }

    /** The part of a bin that each source gets. */
    private fun share(logits: FloatArray, frame: Int, bin: Int, channel: Int) {
        val magnitude = spectra.magnitude(spectra.at(frame, bin, channel))
        val place = CHANNELS * bin + channel
        fillMasks(logits, frame, bin, channel)
        var total = EPSILON
        for (source in 0 until sources) {
            masks[source] = square(masks[source] * magnitude)
            total += masks[source]
        }
        for (source in 0 until sources) {
            shares[source][place] = ((masks[source] + EPSILON / sources) / total).toFloat()
        }
    }

    /** Fills [masks] with those of one bin: two frames and two bins are channels of one place of the logits. */
    private fun fillMasks(logits: FloatArray, frame: Int, bin: Int, channel: Int) {
        val place = frame / 2 * (form.bins / 2) + bin / 2
        val phase = 4 * (frame % 2) + 2 * (bin % 2) + channel
        for (source in 0 until sources) {
            masks[source] = (logits[(place * sources + source) * PHASES + phase] * LOGIT_RANGE).toDouble()
        }
        when (form.masks) {
            Masks.SIGMOID -> for (source in 0 until sources) masks[source] = 1 / (1 + exp(-masks[source]))
            Masks.SOFTMAX -> {
                var total = 0.0
                for (source in 0 until sources) {
                    masks[source] = exp(masks[source]) // of 16 at most
                    total += masks[source]
                }
                for (source in 0 until sources) masks[source] /= total
            }
        }
    }

    /** Without the silence in front of the recording, and what comes behind it. */
    private fun withoutEnds(parts: List<List<FloatArray>>): List<List<FloatArray>> {
        val length = parts[0][0].size
        val skipped = minOf(toSkip, length)
        toSkip -= skipped
        val kept = minOf((length - skipped).toLong(), given - returned).toInt()
        returned += kept
        return parts.map { source -> source.map { it.copyOfRange(skipped, skipped + kept) } }
    }

    private fun joined(first: List<List<FloatArray>>, second: List<List<FloatArray>>) =
        first.zip(second) { before, after -> before.zip(after) { a, b -> a + b } }

    private fun square(value: Double) = value * value

    private companion object {
        const val MAGNITUDE_RANGE = 1024f
        const val LOGIT_RANGE = 16f
        const val EPSILON = 1e-10
        const val PHASES = 8
    }
}

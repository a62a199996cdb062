package org.fqss.core

import org.fqss.core.SpectrogramForm.Companion.CHANNELS
import kotlin.math.sqrt

/** Spectra of a segment in single precision as in Python, [frames, bins, channels]; the lowest bins alone. */
internal class StereoSpectra(frames: Int, val bins: Int) {
    val real = FloatArray(frames * bins * CHANNELS)
    val imaginary = FloatArray(real.size)

    fun at(frame: Int, bin: Int, channel: Int) = (frame * bins + bin) * CHANNELS + channel

    fun magnitude(place: Int): Float {
        val real = real[place].toDouble()
        val imaginary = imaginary[place].toDouble()
        return sqrt(real * real + imaginary * imaginary).toFloat()
    }
}

/**
 * The STFT of two channels and its inverse, a frame at a time (fqss_tf.audio.stft).
 *
 * One complex transform has both channels: one is its real part, the other its imaginary part.
 */
internal class StereoStft(private val kernel: Int) {
    private val fft = Fft(kernel)
    private val window = hannWindow(kernel)
    private val real = DoubleArray(kernel)
    private val imaginary = DoubleArray(kernel)

    /** Puts the spectrum of samples [start] until [start] + kernel of both [channels] into a frame. */
    fun transform(channels: List<FloatArray>, start: Int, spectra: StereoSpectra, frame: Int) {
        val (left, right) = channels
        for (sample in 0 until kernel) {
            real[sample] = window[sample] * left[start + sample]
            imaginary[sample] = window[sample] * right[start + sample]
        }
        fft.transform(real, imaginary)
        for (bin in 0 until spectra.bins) {
            val mirror = (kernel - bin) % kernel
            val place = spectra.at(frame, bin, 0)
            spectra.real[place] = ((real[bin] + real[mirror]) / 2).toFloat()
            spectra.imaginary[place] = ((imaginary[bin] - imaginary[mirror]) / 2).toFloat()
            spectra.real[place + 1] = ((imaginary[bin] + imaginary[mirror]) / 2).toFloat()
            spectra.imaginary[place + 1] = ((real[mirror] - real[bin]) / 2).toFloat()
        }
    }

    /** Transforms back what is left of a frame and adds it to [sums]; [shares] of it are [bins, channels]. */
    fun addBack(spectra: StereoSpectra, frame: Int, shares: FloatArray, sums: OverlapAdd) {
        real.fill(0.0)
        imaginary.fill(0.0)
        for (bin in 0 until spectra.bins) {
            val place = spectra.at(frame, bin, 0)
            val left = shares[CHANNELS * bin]
            val right = shares[CHANNELS * bin + 1]
            val leftReal = (left * spectra.real[place]).toDouble()
            val leftImaginary = (left * spectra.imaginary[place]).toDouble()
            val rightReal = (right * spectra.real[place + 1]).toDouble()
            val rightImaginary = (right * spectra.imaginary[place + 1]).toDouble()
            real[bin] = leftReal - rightImaginary
            imaginary[bin] = leftImaginary + rightReal
            if (bin > 0) {
                real[kernel - bin] = leftReal + rightImaginary
                imaginary[kernel - bin] = rightReal - leftImaginary
            }
        }
        fft.transform(imaginary, real)
        for (sample in 0 until kernel) {
            val factor = COMPENSATION * window[sample] / kernel
            real[sample] *= factor
            imaginary[sample] *= factor
        }
        sums.add(real, imaginary)
    }

    private companion object {
        const val COMPENSATION = 2.0 / 3 // the squares of four windows add up to 3/2
    }
}

/** Sums of frames that begin a hop after one another; of each source its own. */
internal class OverlapAdd(kernel: Int, private val hop: Int) {
    private val sums = List(CHANNELS) { DoubleArray(kernel) }

    fun add(vararg frame: DoubleArray) = sums.zip(frame) { sum, part -> for (i in sum.indices) sum[i] += part[i] }

    /** Moves on by a hop, whose samples are final: to [target] of each channel, from [start] on. */
    fun take(target: List<FloatArray>, start: Int) {
        sums.zip(target) { sum, samples ->
            for (i in 0 until hop) samples[start + i] = sum[i].toFloat()
            sum.copyInto(sum, 0, hop)
            sum.fill(0.0, sum.size - hop)
        }
    }
}

package org.fqss.core

import java.io.File

/** A recording drawn small: for each column the lowest and highest sample and a spectrum. */
class Overview(
    /** -1 to 1, [columns]. */
    val lowest: FloatArray,
    val highest: FloatArray,
    /** dB, [columns, bins]; bin 0 is 0 Hz and the last half the rate. */
    val decibels: List<FloatArray>,
) {
    companion object {
        private const val FRAME_SECONDS = 0.032

        /** Reads a WAV file of any length in the memory of one column; of several channels it is their mean. */
        fun of(file: File, columns: Int): Overview = WavReader(file).use { reader ->
            val stft = Stft(maxOf(Integer.highestOneBit((FRAME_SECONDS * reader.rate).toInt()), 2))
            val lowest = FloatArray(columns)
            val highest = FloatArray(columns)
            val decibels = List(columns) { column ->
                val start = reader.samples * column / columns
                val end = reader.samples * (column + 1) / columns
                var position = start
                while (position < end) {
                    val block = reader.mono(position, minOf(end - position, BLOCK_SAMPLES).toInt())
                    for (sample in block) {
                        lowest[column] = minOf(lowest[column], sample)
                        highest[column] = maxOf(highest[column], sample)
                    }
                    position += block.size
                }
                val centre = (start + end - stft.size) / 2
                stft.decibels(reader.mono(maxOf(centre, 0), stft.size), 0)
            }
            Overview(lowest, highest, decibels)
        }

        private fun WavReader.mono(start: Long, count: Int) = Pcm.toFloat(Pcm.mono(read(start, count), channels))

        private const val BLOCK_SAMPLES = 65_536L
    }
}

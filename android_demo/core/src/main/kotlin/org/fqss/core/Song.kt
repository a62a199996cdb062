package org.fqss.core

import org.fqss.core.SpectrogramForm.Companion.CHANNELS

/** A song of one or two channels, by a model over spectrograms, which hears one channel in both ears. */
internal class Song(engine: Engine, private val channels: Int) : Tracks {
    private val masks = RatioMasks(engine.description.spectrogram!!, engine.sources, engine::logits)

    init {
        require(channels in 1..CHANNELS) { "a song of $channels channels" }
    }

    override fun push(channels: List<FloatArray>) = tracks(masks.push(List(CHANNELS) { channels[it % channels.size] }))

    override fun finish() = tracks(masks.finish())

    /** Of one channel, the mean of both ears. */
    private fun tracks(parts: List<List<FloatArray>>): List<FloatArray> =
        if (channels == CHANNELS) parts.flatten()
        else parts.map { (left, right) -> FloatArray(left.size) { (left[it] + right[it]) / 2 } }
}

package org.fqss.core

import kotlin.math.ceil

/**
 * Separates one 16-bit recording as it comes, at its own rate (fqss_tf.runtime.separator). Its channels are interleaved:
 * one, or two where the model hears both ([Engine.hearsStereo]).
 *
 * At the rate of a model with two planes each way this is in integers throughout and equals Python bit for bit;
 * at other rates it goes through floats and [Resampler].
 */
interface Separation {
    /** Takes samples and returns what is final by now, [sources, samples * channels], often none. */
    fun push(block: ShortArray): List<ShortArray>

    /** The rest: all parts together are as long as what was pushed. */
    fun finish(): List<ShortArray>

    companion object {
        /**
         * @param rate of the recording in Hz.
         * @param channels of the recording.
         */
        fun of(engine: Engine, rate: Int, channels: Int = 1): Separation = when {
            engine.description.spectrogram != null -> FloatSeparation(engine, rate, channels, Song(engine, channels))
            isInIntegers(engine, rate) -> IntegerSeparation(engine)
            else -> FloatSeparation(engine, rate, 1, Mono(floatStream(engine)))
        }

        /** Samples that resampling to the model and back adds to the delay of a stream. */
        internal fun resamplingDelay(rate: Int, modelRate: Int): Int {
            val seconds = listOf(Resampler(rate, modelRate), Resampler(modelRate, rate)).sumOf { it.delaySeconds }
            return ceil(seconds * rate).toInt()
        }

        internal fun isInIntegers(engine: Engine, rate: Int) = engine.takesInt16 && rate == engine.description.sampleRate
    }
}

private fun <A> chunking(type: SampleType<A>, engine: Engine, forward: (A) -> List<A>): Chunking<A> {
    val segment = engine.description.segment
    val named = engine.description.hasNamedSources
    return Chunking(type, segment, Chunking.defaultOverlap(segment), engine.sources, named, forward)
}

private class IntegerSeparation(engine: Engine) : Separation {
    private val stream =
        if (engine.description.isStep) Steps(SampleType.Int16, engine, StepLevel.Int16)
        else chunking(SampleType.Int16, engine) { Level.levelled(engine, it) }

    override fun push(block: ShortArray) = stream.push(block)

    override fun finish() = stream.finish()
}

private fun floatStream(engine: Engine): SourceStream<FloatArray> =
    if (engine.description.isStep) Steps(SampleType.Float32, engine, StepLevel.Float32)
    else chunking(SampleType.Float32, engine) { Level.levelled(engine, it) }

/** Separates floats at the model's rate: [channels, samples] -> [sources * channels, samples], those of a source together. */
internal interface Tracks {
    fun push(channels: List<FloatArray>): List<FloatArray>

    fun finish(): List<FloatArray>
}

private class Mono(private val stream: SourceStream<FloatArray>) : Tracks {
    override fun push(channels: List<FloatArray>) = stream.push(channels.single())

    override fun finish() = stream.finish()
}

private class FloatSeparation(
    engine: Engine,
    rate: Int,
    private val channels: Int,
    private val tracks: Tracks,
) : Separation {
    private val toModel = List(channels) { Resampler(rate, engine.description.sampleRate) }
    private val fromModel = List(engine.sources * channels) { Resampler(engine.description.sampleRate, rate) }
    private var received = 0L
    private var returned = 0L

    override fun push(block: ShortArray): List<ShortArray> {
        received += block.size / channels
        val heard = toModel.zip(Pcm.channels(block, channels)) { resampler, part -> resampler.push(Pcm.toFloat(part)) }
        return interleaved(fitted(fromModel.zip(tracks.push(heard)) { resampler, part -> resampler.push(part) }))
    }

    override fun finish(): List<ShortArray> {
        val parts = tracks.push(toModel.map(Resampler::finish)).zip(tracks.finish()) { a, b -> a + b }
        val rest = fromModel.zip(parts) { resampler, part -> resampler.push(part) + resampler.finish() }
        return interleaved(fitted(rest).map { it.copyOf((received - returned).toInt() + it.size) })
    }

    /** As many samples as went in: resampling there and back may be off by a few at the end. */
    private fun fitted(parts: List<FloatArray>): List<ShortArray> {
        val length = minOf(parts[0].size.toLong(), received - returned).toInt()
        returned += length
        return parts.map { Pcm.toInt16(it.copyOf(length)) }
    }

    private fun interleaved(tracks: List<ShortArray>) = tracks.chunked(channels).map(Pcm::interleaved)
}

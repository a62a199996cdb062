package org.fqss.core

/** A tensor of [bytes] int8 that a step model gives and wants back with the next step; its [zeroPoint] is the number 0. */
class StateTensor(val bytes: Int, val zeroPoint: Int)

/** Runs a graph on its own numbers; the app has LiteRT's Java API behind it, the tests its C API. */
interface TensorRunner : AutoCloseable {
    /** What a step model remembers, in the order of its description. */
    val states: List<StateTensor> get() = emptyList()

    /**
     * @param mixture int8 [segment, input stages], or [frames, bins, 2 * input stages], row by row.
     * @param states as the step before left them; overwritten by what is to be given to the next.
     * @return one int8 [sources, segment], or [frames / 2, bins / 2, 8 * sources], per output stage, row by row.
     */
    fun run(mixture: ByteArray, states: List<ByteArray> = emptyList()): List<ByteArray>
}

/**
 * One int8 model: one segment in, one segment per source out (fqss_tf.runtime.engine); of a step model one step, and
 * what it remembers begins with the number 0 everywhere (fqss_tf.runtime.step_engine).
 */
class Engine(val description: ModelDescription, private val runner: TensorRunner) : AutoCloseable {
    private val states = runner.states.map { state -> ByteArray(state.bytes) { state.zeroPoint.toByte() } }
    val sources get() = description.sources.size

    /** Whether 16-bit samples are what the graph computes on: two planes each way. */
    val takesInt16 get() =
        description.inputStages == 2 && description.outputStages == 2 && description.spectrogram == null

    /** Whether it separates both channels of a recording. */
    val hearsStereo get() = description.spectrogram != null

    /** float32 [segment] of peak <= 1 -> [sources, segment]. */
    fun forward(segment: FloatArray): List<FloatArray> = combined(run(Planes.split(segment, description.inputStages)))

    /** Where [takesInt16]: int16 [segment] of peak 32767 -> [sources, segment]. */
    fun forward(segment: ShortArray): List<ShortArray> = combinedInt16(run(Planes.splitInt16(segment)))

    /**
     * Of a model over spectrograms: magnitudes [frames, bins, 2] of full scale 1 -> logits
     * [frames / 2, bins / 2, 8 * sources] (fqss_tf.runtime.spectrogram_engine).
     */
    fun logits(heard: FloatArray): FloatArray {
        val planes = Planes.splitNearest(heard, description.inputStages)
        return Planes.combine(run(Planes.behindEachOther(planes, SpectrogramForm.CHANNELS, description.inputStages)))
    }

    /** Planes int8 [segment, input stages] -> one int8 [sources, segment] per output stage. */
    fun run(mixture: ByteArray): List<ByteArray> = runner.run(mixture, states)

    /** What [run] gave as float32 [sources, segment]. */
    fun combined(stages: List<ByteArray>) = List(sources) { source -> Planes.combine(stages.map { it.source(source) }) }

    /** What [run] gave as int16 [sources, segment], where [takesInt16]. */
    fun combinedInt16(stages: List<ByteArray>): List<ShortArray> {
        val (high, low) = stages
        return List(sources) { Planes.combineInt16(high.source(it), low.source(it)) }
    }

    override fun close() = runner.close()

    private fun ByteArray.source(source: Int) =
        copyOfRange(source * description.segment, (source + 1) * description.segment)
}

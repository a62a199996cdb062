package org.fqss.core

/** Runs a graph on its own numbers; the app has LiteRT's Java API behind it, the tests its C API. */
interface TensorRunner : AutoCloseable {
    /**
     * @param mixture int8 [segment, input stages], row by row.
     * @return one int8 [sources, segment] per output stage, row by row.
     */
    fun run(mixture: ByteArray): List<ByteArray>
}

/** One int8 model: one segment in, one segment per source out (fqss_tf.runtime.engine). */
class Engine(val description: ModelDescription, private val runner: TensorRunner) : AutoCloseable {
    val sources get() = description.sources.size

    /** Whether 16-bit samples are what the graph computes on: two planes each way. */
    val takesInt16 get() = description.inputStages == 2 && description.outputStages == 2

    /** float32 [segment] of peak <= 1 -> [sources, segment]. */
    fun forward(segment: FloatArray): List<FloatArray> {
        val stages = runner.run(Planes.split(segment, description.inputStages))
        return List(sources) { source -> Planes.combine(stages.map { it.source(source) }) }
    }

    /** Where [takesInt16]: int16 [segment] of peak 32767 -> [sources, segment]. */
    fun forward(segment: ShortArray): List<ShortArray> {
        val (high, low) = runner.run(Planes.splitInt16(segment))
        return List(sources) { Planes.combineInt16(high.source(it), low.source(it)) }
    }

    override fun close() = runner.close()

    private fun ByteArray.source(source: Int) =
        copyOfRange(source * description.segment, (source + 1) * description.segment)
}

package org.fqss.core

internal fun description(segment: Int, inputStages: Int = 2, sampleRate: Int = 8000) =
    ModelDescription(sampleRate, segment, listOf("first", "second"), inputStages, 2, "int8", "fqss", "stand-in")

/** Gives the mixture, and it with both planes halved, as PlaneEngine in golden_vectors.py. */
internal class HalvedPlanes : TensorRunner {
    var runs = 0
    var isClosed = false

    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> {
        runs++
        return mixture.column(2).map { plane -> plane + ByteArray(plane.size) { (plane[it].toInt() shr 1).toByte() } }
    }

    override fun close() {
        isClosed = true
    }
}

/** A step model whose one state holds planes until they come out, as DelayedPlanes in golden_vectors.py. */
internal class DelayedPlanes(private val stages: Int) : TensorRunner {
    override val states = listOf(StateTensor(40 * stages, zeroPoint = -5))

    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> {
        val delayed = states.single() + mixture
        delayed.copyInto(states.single(), 0, mixture.size)
        return delayed.copyOf(mixture.size).column(stages).map { plane ->
            plane + ByteArray(plane.size) { (plane[it].toInt() shr 1).toByte() }
        }
    }

    override fun close() = Unit
}

internal const val STEP_LAG = 30

internal fun stepEngine(stages: Int) = Engine(
    ModelDescription(8000, 100, listOf("first", "second"), stages, stages, "int8", "fqss", "stand-in", STEP_LAG, listOf("held")),
    DelayedPlanes(stages),
)

internal fun standInEngine(segment: Int, inputStages: Int = 2) = Engine(description(segment, inputStages), HalvedPlanes())

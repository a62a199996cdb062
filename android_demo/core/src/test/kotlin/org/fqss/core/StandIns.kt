package org.fqss.core

internal fun description(segment: Int, inputStages: Int = 2, sampleRate: Int = 8000) =
    ModelDescription(sampleRate, segment, listOf("first", "second"), inputStages, 2, "int8", "fqss", "stand-in")

/** Gives the mixture, and it with both planes halved, as PlaneEngine in golden_vectors.py. */
internal class HalvedPlanes : TensorRunner {
    var runs = 0
    var isClosed = false

    override fun run(mixture: ByteArray): List<ByteArray> {
        runs++
        return mixture.column(2).map { plane -> plane + ByteArray(plane.size) { (plane[it].toInt() shr 1).toByte() } }
    }

    override fun close() {
        isClosed = true
    }
}

internal fun standInEngine(segment: Int, inputStages: Int = 2) = Engine(description(segment, inputStages), HalvedPlanes())

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

/** Logits that grow with magnitudes, as LinearLogits in golden_vectors.py. */
internal class LinearLogits(private val form: SpectrogramForm) : TensorRunner {
    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> {
        val logits = ShortArray(2 * form.pixels)
        for (frame in 0 until form.frames) for (bin in 0 until form.bins) for (channel in 0..1) {
            val input = 4 * (frame * form.bins + bin) + channel
            val heard = mixture[input] * 256 + mixture[input + 2] + 128
            val bias = 900 * ((3 * frame + 5 * bin + 7 * channel) % 11)
            val place = 16 * (frame / 2 * (form.bins / 2) + bin / 2) + 4 * (frame % 2) + 2 * (bin % 2) + channel
            logits[place] = clipped(20 * heard - bias)
            logits[place + 8] = clipped(bias - 20 * heard / 2)
        }
        return Planes.splitInt16(logits).column(2)
    }

    private fun clipped(value: Int) = value.coerceIn(-32768, 32767).toShort()

    override fun close() = Unit
}

/** The model of songs in golden_vectors.py, at 8000 Hz. */
internal fun songEngine(masks: SpectrogramForm.Masks = SpectrogramForm.Masks.SIGMOID): Engine {
    val form = SpectrogramForm(256, 96, 6, masks)
    val sources = listOf("vocals", "accompaniment")
    val description = ModelDescription(8000, 384, sources, 2, 2, "int8", "ptq", "stand-in", spectrogram = form)
    return Engine(description, LinearLogits(form))
}

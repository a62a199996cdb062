package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Test

/** `lstm.tflite` is a layer of two LSTM ops as tests/support/lstm_layers.py exports it: 2 channels, 2 units, 50 steps. */
class LstmTest {
    private val content = checkNotNull(javaClass.getResourceAsStream("/lstm.tflite")).use { it.readBytes() }
    private val description =
        ModelDescription(8000, 50, List(4) { "unit_$it" }, inputStages = 2, outputStages = 1, "int8", "fqss", "stand-in")

    @Test
    fun `an LSTM begins anew with each segment`() = HostRunner(content, description).use { runner ->
        val segment = ByteArray(description.inputBytes) { (37 * it).toByte() }
        val first = runner.run(segment).single()
        assertArrayEquals(first, runner.run(segment).single())
    }
}

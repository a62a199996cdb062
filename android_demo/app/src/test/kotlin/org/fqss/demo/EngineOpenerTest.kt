package org.fqss.demo

import org.fqss.core.SeparationException
import org.fqss.core.TensorRunner
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class EngineOpenerTest {
    private val model by lazy { testedDemo.models.load("two-voices.tflite") }

    @Test
    fun `what was wanted runs where it can`() {
        for (processor in Processor.values()) {
            val opened = echoes.open(model, processor)
            assertEquals(processor, opened.used)
            assertNull(opened.refusal)
        }
    }

    @Test
    fun `a delegate that refuses gives way to the CPU and says why`() =
        assertFallsBack("no OpenCL here") { throw IllegalArgumentException("no OpenCL here\nmore of it") }

    @Test
    fun `a missing library gives way to the CPU and says why`() =
        assertFallsBack("libgpu.so is missing") { throw UnsatisfiedLinkError("libgpu.so is missing") }

    @Test
    fun `a delegate with other numbers gives way to the CPU and says why`() =
        assertFallsBack("its result agrees with that of the CPU by -1 dB only") { EchoRunner(model.description, gain = 3) }

    @Test
    fun `a delegate that fails at its first segment gives way to the CPU and is closed`() {
        var isClosed = false
        val failing = object : TensorRunner {
            override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> = throw IllegalStateException("out of GPU memory")

            override fun close() {
                isClosed = true
            }
        }
        assertFallsBack("out of GPU memory") { failing }
        assertTrue(isClosed)
    }

    @Test
    fun `a CPU that refuses is a message`() {
        val opener = EngineOpener { _, _ -> throw IllegalStateException("no memory") }
        val error = assertThrows(SeparationException::class.java) { opener.open(model, Processor.CPU_4) }
        assertEquals("This phone cannot run the model two-voices.tflite: no memory", error.message)
    }

    @Test
    fun `TensorFlow Lite without its Android library is a message`() {
        val opener = EngineOpener(::LiteRtRunner) // a computer has no libtensorflowlite_jni.so for Android
        val error = assertThrows(SeparationException::class.java) { opener.open(model, Processor.CPU_1) }
        assertTrue(error.message, error.message!!.startsWith("This phone cannot run the model two-voices.tflite: "))
    }

    @Test
    fun `the time of a segment is measured`() {
        val opened = echoes.open(model, Processor.CPU_1)
        assertNull(opened.meanMilliseconds)
        opened.engine.forward(ShortArray(model.description.segment))
        assertTrue(opened.meanMilliseconds!! > 0)
    }

    private fun assertFallsBack(reason: String, gpu: () -> TensorRunner) {
        val opener = EngineOpener { model, processor ->
            if (processor == Processor.GPU) gpu() else EchoRunner(model.description)
        }
        val opened = opener.open(model, Processor.GPU)
        assertEquals(Processor.CPU_2, opened.used)
        assertEquals(reason, opened.refusal)
    }
}

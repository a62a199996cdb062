package org.fqss.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.security.MessageDigest

class ModelDescriptionTest {
    private val content = shipped("two-voices")

    @Test
    fun `the shipped model says what it is`() = assertEquals(
        ModelDescription(8000, 32000, listOf("speech_1", "speech_2"), 2, 2, "int8", "fqss", "convtasnet"),
        ModelDescription.read("shipped", content),
    )

    @Test
    fun `a step model says what it remembers`() {
        val description = ModelDescription.read("step", shipped("two-voices-stream"))
        assertTrue(description.isStep && description.states.isNotEmpty())
        assertEquals(description.segment + description.lag!!, description.latency)
    }

    @Test
    fun `a changed byte is found`() {
        for (position in listOf(0, 100, content.size / 2, content.size - 1)) {
            val changed = content.copyOf().also { it[position] = (it[position] + 1).toByte() }
            assertDamaged(changed)
        }
    }

    @Test
    fun `a file that is cut short is found`() {
        for (length in listOf(0, 7, 60, 5000, content.size - 1)) assertDamaged(content.copyOf(length))
    }

    @Test
    fun `wrong offsets under a right seal are found`() {
        val model = content.copyOf(content.size - 48)
        for (position in 0 until 64) {
            val changed = model.copyOf().also { it[position] = 0x7F }
            try {
                ModelDescription.read("changed", sealed(changed))
            } catch (error: SeparationException) {
                assertTrue(error.message!!.startsWith("The model changed "))
            }
        }
    }

    @Test
    fun `a description of another kind is told apart from damage`() {
        val model = String(content.copyOf(content.size - 48), Charsets.ISO_8859_1)
        val changed = model.replace("\"segment\"", "\"stepped\"")
        assertNotEquals(model, changed)
        val error = assertThrows(SeparationException::class.java) {
            ModelDescription.read("it", sealed(changed.toByteArray(Charsets.ISO_8859_1)))
        }
        assertEquals("The model it is of a kind that this app does not know: update the app.", error.message)
    }

    private fun sealed(model: ByteArray): ByteArray =
        model + "fqss-tf sha256: ".toByteArray() + MessageDigest.getInstance("SHA-256").digest(model)

    private fun assertDamaged(bytes: ByteArray) {
        val error = assertThrows(SeparationException::class.java) { ModelDescription.read("it", bytes) }
        assertEquals("The model it is cut short or damaged: install the app anew.", error.message)
    }
}

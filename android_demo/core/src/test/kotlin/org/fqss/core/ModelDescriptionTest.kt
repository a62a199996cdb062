package org.fqss.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.json.JSONArray
import org.json.JSONObject
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

    @Test
    fun `a model over spectrograms says what it hears`() {
        val description = read(song())
        assertEquals(SpectrogramForm(256, 96, 6, SpectrogramForm.Masks.SIGMOID), description.spectrogram)
        assertEquals(6 * 96 * 2 * 2, description.inputBytes)
        assertEquals(6 * 96 * 2 * 2, description.stageBytes)
    }

    @Test
    fun `spectrograms of another kind are told`() {
        val wrong: List<JSONObject.() -> Unit> = listOf(
            { put("kernel", 384) },
            { put("kernel", 128) },
            { put("bins", 95) },
            { put("bins", 130) },
            { put("bins", 0) },
            { put("masks", "wiener") },
            { remove("masks") },
        )
        for (change in wrong) assertNotRun("is of a kind that this app does not know: update the app.", song(change))
        val odd = redescribed { song(); put("segment", 64 * 5) }
        assertNotRun("is of a kind that this app does not know: update the app.", odd)
    }

    @Test
    fun `music in another form is told`() {
        assertNotRun(
            "hears a waveform and a spectrogram at once, as HTDemucs does, and this app runs no such model: choose another one.",
            redescribed { put("channels", 2).put("transform", 4096) },
        )
        assertNotRun(
            "takes waveforms of two channels, and this app runs no such model: choose another one.",
            redescribed { put("channels", 2) },
        )
        assertNotRun(
            "is of type float32, this app runs int8: convert it so.",
            redescribed { song(); put("type", "float32") },
        )
    }

    @Test
    fun `a source that leads to another folder is refused`() = assertNotRun(
        "is of a kind that this app does not know: update the app.",
        redescribed { put("sources", JSONArray(listOf("../a", "b"))) },
    )

    private fun song(change: JSONObject.() -> Unit = {}) = redescribed { song(change) }

    private fun JSONObject.song(change: JSONObject.() -> Unit = {}) {
        put("segment", 384).put("hop", 64)
        put("spectrogram", JSONObject().put("kernel", 256).put("bins", 96).put("masks", "sigmoid").apply(change))
    }

    private fun read(content: ByteArray) = ModelDescription.read("it", content)

    private fun assertNotRun(message: String, content: ByteArray) =
        assertEquals("The model it $message", assertThrows(SeparationException::class.java) { read(content) }.message)

    /** A model that ships, which says something else about itself; one with states has room for it. */
    private fun redescribed(change: JSONObject.() -> Unit): ByteArray {
        val shipped = shipped("two-voices-stream")
        val text = String(shipped, 0, shipped.size - 48, Charsets.ISO_8859_1)
        val start = text.lastIndexOf('{', text.indexOf("\"sample_rate\""))
        val end = text.indexOf('}', start) + 1
        val description = JSONObject(text.substring(start, end))
        listOf("lag", "states").forEach(description::remove)
        description.change()
        val model = text.replaceRange(start, end, description.toString().padEnd(end - start))
        assertEquals("the description is too long", text.length, model.length)
        return sealed(model.toByteArray(Charsets.ISO_8859_1))
    }

    private fun sealed(model: ByteArray): ByteArray =
        model + "fqss-tf sha256: ".toByteArray() + MessageDigest.getInstance("SHA-256").digest(model)

    private fun assertDamaged(bytes: ByteArray) {
        val error = assertThrows(SeparationException::class.java) { ModelDescription.read("it", bytes) }
        assertEquals("The model it is cut short or damaged: install the app anew.", error.message)
    }
}

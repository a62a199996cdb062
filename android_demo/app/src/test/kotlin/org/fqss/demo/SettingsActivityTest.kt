package org.fqss.demo

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.provider.OpenableColumns
import android.view.ViewGroup
import android.widget.Button
import android.widget.RadioButton
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.fakes.RoboCursor
import java.io.File

@RunWith(RobolectricTestRunner::class)
class SettingsActivityTest {
    private val controller by lazy { Robolectric.buildActivity(SettingsActivity::class.java).setup() }
    private val activity get() = controller.get()

    @Test
    fun `each model has its card`() {
        val card = choices(R.id.models).map { it.text.toString() }.single { it.startsWith(SHIPPED) }
        assertTrue(
            card,
            card.startsWith("two-voices.tflite, convtasnet, int8\n2 voices at 8000 Hz, segments of 4.0 s, 1.2 MB\nIntegers"),
        )
    }

    @Test
    fun `a model for streams is no choice for recordings`() {
        testedDemo.models = modelsWithSteps()
        assertEquals(1, choices(R.id.models).size)
    }

    @Test
    fun `a choice of a processor is kept`() {
        val processors = choices(R.id.processors)
        assertEquals(
            listOf(
                "CPU (XNNPACK), 1 thread",
                "CPU (XNNPACK), 2 threads",
                "CPU (XNNPACK), 4 threads",
                "GPU",
                "NNAPI (legacy)",
            ),
            processors.map { it.text.toString() },
        )
        assertTrue(processors[1].isChecked)
        processors[3].performClick()
        assertEquals(Processor.GPU, testedDemo.settings.processor)
        val next = Robolectric.buildActivity(SettingsActivity::class.java).setup().get()
        assertTrue((next.view<ViewGroup>(R.id.processors).getChildAt(3) as RadioButton).isChecked)
    }

    @Test
    fun `a choice of a model is kept`() {
        val content = testedDemo.assets.open("two-voices.tflite").use { it.readBytes() }
        testedDemo.models = ModelStore({ listOf("b.tflite", "a.tflite", "a.json") }) { content }
        choices(R.id.models)[1].performClick()
        assertEquals("b.tflite", testedDemo.chosenModelName())
    }

    @Test
    fun `a model that is gone is not chosen any more`() {
        testedDemo.settings.model = "gone.tflite"
        assertEquals(testedDemo.models.names().first(), testedDemo.chosenModelName())
    }

    @Test
    fun `a damaged model says so in its place`() {
        testedDemo.models = ModelStore({ listOf("a.tflite") }) { ByteArray(100) }
        assertEquals(
            "The model a.tflite is cut short or damaged: install the app anew.",
            choices(R.id.models).single().text.toString(),
        )
    }

    @Test
    fun `a file that is added is chosen, and has its card`() {
        val chosen = added("song.tflite", songModel()).single { it.isChecked }.text.toString()
        assertTrue(chosen, chosen.startsWith("song.tflite, net, int8\nvocals, backing at 8000 Hz"))
        assertEquals("song.tflite", testedDemo.chosenModelName())
        assertEquals("Add a model from a file", activity.view<Button>(R.id.add_model).text.toString())
        testedDemo.onCreate()
        assertEquals("song.tflite", testedDemo.chosenModelName())
    }

    @Test
    fun `a file that is added while the screen is away is there when it comes back`() {
        val names = added("song.tflite", songModel()) {
            controller.pause().stop()
            testedDemo.modelJob.finish()
            controller.restart().start().resume()
        }.map { it.text.toString() }
        assertEquals(names.toString(), 1, names.count { it.startsWith("song.tflite") })
        assertTrue(activity.view<Button>(R.id.add_model).isEnabled)
        assertEquals("Add a model from a file", activity.view<Button>(R.id.add_model).text.toString())
    }

    @Test
    fun `a file of the same name replaces what was added`() {
        added("song.tflite", songModel())
        added("song.tflite", redescribed { put("segment", 777) })
        assertEquals(777, testedDemo.models.load("song.tflite").description.segment)
        assertEquals(1, testedDemo.models.names().count { it == "song.tflite" })
    }

    @Test
    fun `HTDemucs is told`() = assertRefused(
        "The model song.tflite hears a waveform and a spectrogram at once, as HTDemucs does, " +
            "and this app runs no such model: choose another one.",
        "song.tflite",
        redescribed { put("channels", 2).put("transform", 4096) },
    )

    @Test
    fun `a file for streams is told`() =
        assertRefused("The model it.tflite is for streams: add one for recordings.", "it.tflite", stepModel())

    @Test
    fun `a file that is no model is told`() = assertRefused(
        "The model photo.jpg.tflite is cut short or damaged: convert it with fqss-tf, and copy the file anew.",
        "photo.jpg",
        ByteArray(1000),
    )

    @Test
    fun `a name that the app has itself is told`() =
        assertRefused("The app has a model $SHIPPED itself: rename the file.", SHIPPED, songModel())

    @Test
    fun `a name cannot lead to another folder`() {
        added("../../song.tflite", songModel())
        assertEquals(listOf("song.tflite"), File(testedDemo.filesDir, "models").list()!!.toList())
    }

    private fun assertRefused(message: String, name: String, content: ByteArray) {
        val before = testedDemo.models.names()
        added(name, content)
        assertEquals(message, activity.view<TextView>(R.id.message).text.toString())
        assertEquals(before, testedDemo.models.names())
        assertEquals(null, testedDemo.settings.model)
    }

    /** What is offered when the person has chosen a file. */
    private fun added(
        name: String,
        content: ByteArray,
        finish: () -> Unit = { testedDemo.modelJob.finish() },
    ): List<RadioButton> {
        val uri = Uri.parse("content://models/1")
        val resolver = shadowOf(activity.contentResolver)
        resolver.registerInputStream(uri, content.inputStream())
        resolver.setCursor(uri, namedCursor(name))
        activity.view<Button>(R.id.add_model).performClick()
        val chooser = shadowOf(activity).nextStartedActivityForResult
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, chooser.intent.action)
        shadowOf(activity).receiveResult(chooser.intent, Activity.RESULT_OK, Intent().setData(uri))
        finish()
        return choices(R.id.models)
    }

    private fun namedCursor(name: String) = RoboCursor().apply {
        setColumnNames(listOf(OpenableColumns.DISPLAY_NAME))
        setResults(arrayOf(arrayOf<Any>(name)))
    }

    @Test
    fun `an app without models says so`() {
        testedDemo.models = ModelStore({ emptyList() }) { null }
        assertEquals("The app has no model: install it anew.", activity.view<TextView>(R.id.message).text.toString())
    }

    private fun choices(group: Int): List<RadioButton> {
        val view = activity.view<ViewGroup>(group)
        return List(view.childCount) { view.getChildAt(it) as RadioButton }
    }
}

package org.fqss.demo

import android.view.ViewGroup
import android.widget.RadioButton
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class SettingsActivityTest {
    private val activity by lazy { Robolectric.buildActivity(SettingsActivity::class.java).setup().get() }

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
    fun `an app without models says so`() {
        testedDemo.models = ModelStore({ emptyList() }) { null }
        assertEquals("The app has no model: install it anew.", activity.view<TextView>(R.id.message).text.toString())
    }

    private fun choices(group: Int): List<RadioButton> {
        val view = activity.view<ViewGroup>(group)
        return List(view.childCount) { view.getChildAt(it) as RadioButton }
    }
}

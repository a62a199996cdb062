package org.fqss.demo

import android.Manifest.permission.RECORD_AUDIO
import android.content.pm.PackageManager.PERMISSION_DENIED
import android.content.pm.PackageManager.PERMISSION_GRANTED
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.TextView
import org.fqss.core.SeparationException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import java.util.concurrent.CountDownLatch

@RunWith(RobolectricTestRunner::class)
class LiveActivityTest {
    private val demo = testedDemo
    private val controller = Robolectric.buildActivity(LiveActivity::class.java)
    private val activity get() = controller.get()
    private val spoken = CountDownLatch(50) // reads of a tenth of a second
    private val microphone = StandInMicrophone(onRead = spoken::countDown)

    @Before
    fun putStandIns() {
        demo.settings.model = SHIPPED
        demo.engines = echoes
        demo.models = modelsWithoutSteps()
        demo.openMicrophone = { _, _ -> microphone }
        demo.freeBytes = { 1_000_000_000 }
        controller.setup()
    }

    @Test
    fun `the microphone is asked for when it is used, not before`() {
        assertNull(shadowOf(activity).lastRequestedPermission)
        press()
        assertEquals(listOf(RECORD_AUDIO), shadowOf(activity).lastRequestedPermission.requestedPermissions.toList())
        assertFalse(demo.liveJob.isRunning)
    }

    @Test
    fun `a refused microphone is a message`() {
        shadowOf(demo.packageManager).setShouldShowRequestPermissionRationale(RECORD_AUDIO, true)
        activity.onRequestPermissionsResult(0, arrayOf(RECORD_AUDIO), intArrayOf(PERMISSION_DENIED))
        assertEquals(
            "The app may not use the microphone. Allow it to record, or choose a recording instead.",
            text(R.id.message),
        )
        assertEquals(View.GONE, activity.view<View>(R.id.phone_settings).visibility)
    }

    @Test
    fun `a microphone that is refused for good points to the settings of the phone`() {
        activity.onRequestPermissionsResult(0, arrayOf(RECORD_AUDIO), intArrayOf(PERMISSION_DENIED))
        assertEquals(
            "The app may not use the microphone. Allow it in the settings of the phone, under the permissions of this app.",
            text(R.id.message),
        )
        activity.view<View>(R.id.phone_settings).performClick()
        assertEquals("package:org.fqss.demo", shadowOf(activity).nextStartedActivity.dataString)
    }

    @Test
    fun `an interrupted question is no answer`() {
        activity.onRequestPermissionsResult(0, emptyArray(), IntArray(0))
        assertFalse(demo.liveJob.isRunning)
        assertEquals("", text(R.id.message))
        assertEquals(View.GONE, activity.view<View>(R.id.phone_settings).visibility)
    }

    @Test
    fun `what is said is shown, and kept when it is stopped`() {
        activity.onRequestPermissionsResult(0, arrayOf(RECORD_AUDIO), intArrayOf(PERMISSION_GRANTED))
        assertEquals("Stop", text(R.id.start_stop))
        spoken.await()
        settle()
        assertEquals("Listening. Voices come 4.0 s later.", text(R.id.status))
        assertEquals(3, activity.view<ViewGroup>(R.id.meters).childCount)
        val meter = activity.view<ViewGroup>(R.id.meters).getChildAt(0).view<LevelMeterView>(R.id.meter)
        assertEquals("Level of Mixture: 24 %", meter.contentDescription)
        assertTrue(text(R.id.facts), text(R.id.facts).startsWith("Real-time factor 0."))
        press()
        demo.liveJob.finish()
        assertResultOpens()
        assertTrue(microphone.isClosed)
        assertTrue(demo.lastResult()!!.mixtureFile.length() >= 50 * 1600)
    }

    @Test
    fun `a model for streams is taken where there is one`() {
        demo.models = modelsWithSteps()
        var blockSeconds = 0.0
        demo.openMicrophone = { _, seconds -> microphone.also { blockSeconds = seconds } }
        start()
        spoken.await()
        settle()
        assertEquals(0.016, blockSeconds, 1e-9)
        assertEquals("Listening. Voices come 20 ms later, by steps.tflite.", text(R.id.status))
        assertTrue(text(R.id.facts), text(R.id.facts).startsWith("Real-time factor 0."))
        press()
        demo.liveJob.finish()
        val facts = demo.lastResult()!!.facts
        assertEquals(listOf("steps.tflite", "0.016"), listOf(facts[Facts.MODEL], facts[Facts.SEGMENT_SECONDS]))
        assertEquals(SHIPPED, demo.chosenModelName())
    }

    @Test
    fun `a stream runs on the CPU`() {
        demo.models = modelsWithSteps()
        demo.settings.processor = Processor.GPU
        start()
        spoken.await()
        press()
        demo.liveJob.finish()
        val facts = demo.lastResult()!!.facts
        assertEquals(listOf("CPU_2", "the steps of a stream are too short for it"), listOf(facts[Facts.PROCESSOR], facts[Facts.REFUSAL]))
    }

    @Test
    fun `an interruption ends the recording and keeps it`() {
        start()
        spoken.await()
        controller.pause().stop()
        demo.liveJob.finish()
        assertTrue(microphone.isClosed)
        controller.restart().start().resume()
        assertResultOpens()
    }

    @Test
    fun `a rotation interrupts nothing`() {
        start()
        spoken.await()
        controller.recreate()
        assertTrue(demo.liveJob.isRunning)
        assertFalse(microphone.isClosed)
        settle()
        press()
        demo.liveJob.finish()
        assertResultOpens()
    }

    @Test
    fun `a microphone that another app uses is a message`() {
        demo.openMicrophone = { _, _ -> throw SeparationException("The microphone cannot be used now: another app may be recording.") }
        start()
        demo.liveJob.finish()
        assertEquals("The microphone cannot be used now: another app may be recording.", text(R.id.message))
        assertEquals("Start", text(R.id.start_stop))
    }

    @Test
    fun `a model of songs is a message where the app has none for streams`() {
        demo.models = ModelStore({ listOf("song.tflite") }) { songModel() }
        start()
        demo.liveJob.finish()
        assertEquals(
            "The chosen model separates songs, from files alone: choose another model for live sound.",
            text(R.id.message),
        )
        assertTrue(microphone.isClosed)
    }

    @Test
    fun `full storage is a message`() {
        demo.freeBytes = { 1000 }
        start()
        demo.liveJob.finish()
        assertEquals("Cannot write the recording: no space left. Free some storage and try again.", text(R.id.message))
        assertEquals(0, demo.resultsFolder.list()!!.size)
    }

    @Test
    fun `storage that fills up ends the recording and keeps it`() {
        demo.freeBytes = { if (spoken.count > 30) 1_000_000_000 else 1000 }
        start()
        demo.liveJob.finish()
        assertResultOpens()
        assertTrue(microphone.isClosed)
        assertEquals(44L + 19 * 1600, demo.lastResult()!!.mixtureFile.length())
    }

    @Test
    fun `the result of an earlier visit does not open again`() {
        start()
        spoken.await()
        press()
        demo.liveJob.finish()
        assertResultOpens()
        val next = Robolectric.buildActivity(LiveActivity::class.java).setup()
        settle()
        assertNull(shadowOf(next.get()).nextStartedActivity)
        next.recreate()
        settle()
        assertNull(shadowOf(next.get()).nextStartedActivity)
    }

    private fun start() {
        shadowOf(demo).grantPermissions(RECORD_AUDIO)
        press()
    }

    private fun press() = activity.view<Button>(R.id.start_stop).performClick()

    private fun text(id: Int) = activity.view<TextView>(id).text.toString()

    private fun assertResultOpens() =
        assertEquals(ResultActivity::class.java.name, shadowOf(activity).nextStartedActivity.component!!.className)
}

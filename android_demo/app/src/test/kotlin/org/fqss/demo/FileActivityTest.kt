package org.fqss.demo

import android.content.Intent
import android.net.Uri
import android.view.View
import android.widget.Button
import android.widget.TextView
import org.fqss.core.SeparationException
import org.fqss.core.WavReader
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import java.io.File
import java.util.concurrent.CountDownLatch

@RunWith(RobolectricTestRunner::class)
class FileActivityTest {
    private val demo = testedDemo
    private val intent = Intent().setData(Uri.parse("content://recordings/1"))
    private val controller = Robolectric.buildActivity(FileActivity::class.java, intent)

    @Before
    fun putStandIns() {
        demo.settings.model = SHIPPED
        demo.engines = echoes
        demo.openRecording = { StandInRecording() }
    }

    @Test
    fun `a recording is separated and its result opens`() {
        val activity = separated()
        assertEquals(ResultActivity::class.java.name, shadowOf(activity).nextStartedActivity.component!!.className)
        assertTrue(activity.isFinishing)
        assertEquals(listOf("speech_1", "speech_2"), demo.lastResult()!!.sources)
    }

    @Test
    fun `only the last result is kept, and what a killed app left is removed at the next start`() {
        File(demo.resultsFolder, "old").mkdir()
        File(demo.resultsFolder, ".unfinished").mkdir()
        separated()
        val last = demo.lastResult()!!.folder.name
        assertEquals(setOf(last, ".unfinished"), demo.resultsFolder.list()!!.toSet())
        demo.onCreate()
        assertEquals(listOf(last), demo.resultsFolder.list()!!.toList())
    }

    @Test
    fun `a song is separated in stereo by a model that was added`() {
        demo.settings.model = demo.models.add("song.tflite", songModel())
        demo.openRecording = { StandInRecording(channels = 2) }
        separated()
        val result = demo.lastResult()!!
        assertEquals(listOf("vocals", "backing"), result.sources)
        WavReader(result.sourceFile("vocals")).use {
            assertEquals(2, it.channels)
            assertEquals(10_000L, it.samples)
        }
        assertEquals("song.tflite", result.facts[Facts.MODEL])
    }

    @Test
    fun `an unreadable recording is a message`() {
        demo.openRecording = { throw SeparationException("The phone cannot read this recording: choose another file.") }
        assertMessage("The phone cannot read this recording: choose another file.")
    }

    @Test
    fun `a file in which the phone finds no sound is a message`() {
        demo.openRecording = { MediaRecording(demo, it) } // nobody provides this address
        assertMessage("The file has no sound: choose another one.")
    }

    @Test
    fun `an empty recording is a message`() {
        demo.openRecording = { StandInRecording(ShortArray(0)) }
        assertMessage("The recording holds no samples: choose another file.")
    }

    @Test
    fun `a missing model is a message`() {
        demo.models = ModelStore({ listOf("a.tflite") }) { null }
        assertMessage("The model a.tflite is missing: install the app anew.")
    }

    @Test
    fun `a damaged model is a message`() {
        demo.models = ModelStore({ listOf("a.tflite") }) { ByteArray(1000) { 7 } }
        assertMessage("The model a.tflite is cut short or damaged: install the app anew.")
    }

    @Test
    fun `full storage is a message`() {
        demo.freeBytes = { 1000 }
        assertMessage(
            "The result needs 1 MB and 1 MB are free (2 s of sound): free some storage or choose a shorter recording.",
        )
        assertEquals(0, demo.resultsFolder.list()!!.size)
    }

    @Test
    fun `too little memory is a message`() {
        demo.openRecording = { StandInRecording(onRead = { throw OutOfMemoryError() }) }
        assertMessage("The phone has too little memory: close other apps and try again.")
    }

    @Test
    fun `two hours are asked about and then separated`() {
        demo.freeBytes = { 10_000_000_000 }
        demo.openRecording = { StandInRecording(saidSeconds = 7200) }
        val activity = separated()
        assertEquals(
            "This recording lasts 2:00:00. Separating it takes a while and needs 345 MB of storage. " +
                "Keep the app open. Go on?",
            activity.view<TextView>(R.id.step).text.toString(),
        )
        assertNull(demo.lastResult())
        activity.view<Button>(R.id.go_on).performClick()
        demo.fileJob.finish()
        assertEquals(20_000, demo.lastResult()!!.mixtureFile.length().toInt() / 2 - 22)
    }

    @Test
    fun `cancelling keeps nothing`() {
        val reading = CountDownLatch(1)
        val go = CountDownLatch(1)
        demo.openRecording = { StandInRecording(onRead = { reading.countDown(); go.await() }) }
        val activity = controller.setup().get()
        reading.await()
        activity.view<Button>(R.id.cancel).performClick()
        go.countDown()
        demo.fileJob.finish()
        assertEquals("Cancelled. Nothing was kept.", activity.view<TextView>(R.id.step).text.toString())
        assertEquals(0, demo.resultsFolder.list()!!.size)
        activity.view<Button>(R.id.cancel).performClick()
        assertTrue(activity.isFinishing)
    }

    @Test
    fun `a rotated screen shows the same job`() {
        val reading = CountDownLatch(1)
        val go = CountDownLatch(1)
        var opened = 0
        demo.openRecording = {
            opened++
            StandInRecording(onRead = { reading.countDown(); go.await() })
        }
        controller.setup()
        reading.await()
        val rotated = controller.recreate().get()
        assertEquals("Opening the recording and the model", rotated.view<TextView>(R.id.step).text.toString())
        go.countDown()
        demo.fileJob.finish()
        assertEquals(ResultActivity::class.java.name, shadowOf(rotated).nextStartedActivity.component!!.className)
        assertEquals(1, opened)
    }

    @Test
    fun `a recording that is shared meanwhile is not taken for the one that is separated`() {
        val go = separateSlowly()
        controller.pause()
        val other = other().setup().get()
        controller.stop()
        assertEquals(
            "Another recording is being separated: wait for it or cancel it.",
            other.view<TextView>(R.id.message).text.toString(),
        )
        go.countDown()
        demo.fileJob.finish()
        assertNull(shadowOf(other).nextStartedActivity)
        assertFalse(other.isFinishing)
        val first = demo.lastResult()!!.folder.name
        assertEquals(
            "This recording was not separated. Go on? Its result replaces the last one.",
            other.view<TextView>(R.id.step).text.toString(),
        )
        other.view<Button>(R.id.go_on).performClick()
        demo.fileJob.finish()
        assertNotEquals(first, demo.lastResult()!!.folder.name)
        assertEquals(ResultActivity::class.java.name, shadowOf(other).nextStartedActivity.component!!.className)
    }

    @Test
    fun `a recording that waits cancels the one that is separated`() {
        val go = separateSlowly()
        val other = other().setup().get()
        other.view<Button>(R.id.cancel).performClick()
        go.countDown()
        demo.fileJob.finish()
        assertEquals(FileState.Cancelled, demo.fileJob.state)
        assertNull(demo.lastResult())
        assertFalse(other.isFinishing)
    }

    @Test
    fun `going back from a recording that waits leaves the other one at work and shows it`() {
        val go = separateSlowly()
        controller.pause()
        val other = other().setup()
        controller.stop()
        @Suppress("DEPRECATION")
        other.get().onBackPressed()
        assertTrue(other.get().isFinishing)
        other.pause()
        controller.restart().start().resume()
        other.stop()
        go.countDown()
        demo.fileJob.finish()
        assertTrue(controller.get().isFinishing)
        assertEquals(ResultActivity::class.java.name, shadowOf(controller.get()).nextStartedActivity.component!!.className)
    }

    @Test
    fun `the reason for another processor goes to the result`() {
        demo.settings.processor = Processor.GPU
        demo.engines = EngineOpener { model, processor ->
            if (processor == Processor.GPU) throw IllegalArgumentException("no OpenCL") else EchoRunner(model.description)
        }
        separated()
        assertEquals("no OpenCL", demo.lastResult()!!.facts[Facts.REFUSAL])
    }

    /** A separation that has begun and goes on when the latch is counted down. */
    private fun separateSlowly(): CountDownLatch {
        val reading = CountDownLatch(1)
        val go = CountDownLatch(1)
        demo.openRecording = { StandInRecording(onRead = { reading.countDown(); go.await() }) }
        controller.setup()
        reading.await()
        return go
    }

    private fun other() =
        Robolectric.buildActivity(FileActivity::class.java, Intent().setData(Uri.parse("content://recordings/2")))

    private fun separated(): FileActivity {
        val activity = controller.setup().get()
        demo.fileJob.finish()
        return activity
    }

    private fun assertMessage(text: String) {
        val activity = separated()
        val message = activity.view<TextView>(R.id.message)
        assertEquals(text, message.text.toString())
        assertEquals(View.VISIBLE, message.visibility)
        assertNull(shadowOf(activity).nextStartedActivity)
    }
}

package org.fqss.demo

import android.app.Activity
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.media.AudioManager
import android.media.AudioTrack
import android.net.Uri
import android.os.Looper
import android.os.ParcelFileDescriptor
import android.view.KeyEvent
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.SeekBar
import android.widget.TextView
import android.widget.ToggleButton
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowAudioTrack
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.io.OutputStream

@RunWith(RobolectricTestRunner::class)
class ResultActivityTest {
    private val controller = Robolectric.buildActivity(ResultActivity::class.java)
    private val activity get() = controller.get()

    @Test
    fun `the facts are told`() {
        open()
        val facts = text(R.id.facts)
        assertTrue(facts, facts.startsWith("0:02 of sound in 0:0"))
        assertTrue(facts, "two-voices.tflite on CPU (XNNPACK), 2 threads" in facts)
        assertTrue(facts, facts.endsWith("for a segment of 4.0 s, memory 42 MB."))
        assertEquals(View.GONE, activity.view<View>(R.id.message).visibility)
    }

    @Test
    fun `a refused processor is told with the reason`() {
        val engines = EngineOpener { model, processor ->
            if (processor == Processor.NNAPI) throw IllegalArgumentException("no driver") else EchoRunner(model.description)
        }
        makeResult(wanted = Processor.NNAPI, engines = engines)
        controller.setup()
        assertEquals(
            "NNAPI (legacy) was refused, CPU (XNNPACK), 2 threads ran instead: no driver",
            text(R.id.message),
        )
    }

    @Test
    fun `solo, mute and the mixture are seen and outlive a rotation`() {
        open()
        source(1).view<ToggleButton>(R.id.solo).performClick()
        assertQuiet(true, false)
        source(1).view<ToggleButton>(R.id.mute).performClick()
        controller.recreate()
        assertTrue(source(1).view<ToggleButton>(R.id.solo).isChecked)
        assertTrue(source(1).view<ToggleButton>(R.id.mute).isChecked)
        assertFalse(source(0).view<ToggleButton>(R.id.solo).isChecked)
        assertFalse(source(0).view<ToggleButton>(R.id.mute).isChecked)
        assertQuiet(true, false)
        source(1).view<ToggleButton>(R.id.solo).performClick()
        assertQuiet(false, true)
        activity.view<ToggleButton>(R.id.mixture).performClick()
        assertQuiet(true, true)
        assertEquals("Hear the voices", text(R.id.mixture))
    }

    @Test
    fun `only one source is solo`() {
        open()
        source(0).view<ToggleButton>(R.id.solo).performClick()
        source(1).view<ToggleButton>(R.id.solo).performClick()
        assertFalse(source(0).view<ToggleButton>(R.id.solo).isChecked)
        assertQuiet(true, false)
    }

    @Test
    fun `playing goes to the end and can start again`() {
        open()
        repeat(2) {
            activity.view<Button>(R.id.play).performClick()
            assertEquals("Pause", text(R.id.play))
            waitUntil { text(R.id.play) == "Play" }
            assertEquals(1000, activity.view<SeekBar>(R.id.position).progress)
        }
    }

    @Test
    fun `dragging the position moves the needles of a paused result`() {
        open()
        val bar = activity.view<SeekBar>(R.id.position)
        val down = KeyEvent(KeyEvent.ACTION_DOWN, KeyEvent.KEYCODE_DPAD_RIGHT)
        bar.onKeyDown(down.keyCode, down)
        assertTrue(bar.progress > 0)
        assertEquals(bar.progress / 1000f, source(0).view<WaveformView>(R.id.waveform).position, 1e-6f)
    }

    @Test
    fun `what is heard are the samples of the voice that is chosen`() {
        val heard = ByteArrayOutputStream()
        listen { heard.write(it) }
        open()
        source(1).view<ToggleButton>(R.id.solo).performClick()
        activity.view<Button>(R.id.play).performClick()
        waitUntil { text(R.id.play) == "Play" }
        val voice = testedDemo.lastResult()!!.sourceFile("speech_2").readBytes()
        assertArrayEquals(voice.copyOfRange(44, voice.size), heard.toByteArray()) // behind the header
    }

    @Test
    fun `stems of a song have their names, and are heard and saved in stereo`() {
        val heard = ByteArrayOutputStream()
        var channels = 0
        ShadowAudioTrack.addAudioDataListener { track, content, _ ->
            channels = track.channelCount
            heard.write(content)
        }
        testedDemo.models.add("song.tflite", songModel())
        val stereo = StandInRecording(ShortArray(16_000) { (it % 2000 * (1 + it % 2)).toShort() }, channels = 2)
        val result = makeResult(stereo, model = "song.tflite")
        controller.setup()
        assertEquals(listOf("Vocals", "Backing"), List(2) { (source(it).view<TextView>(R.id.name)).text.toString() })
        assertEquals("Hear the mixture", text(R.id.mixture))
        activity.view<ToggleButton>(R.id.mixture).performClick()
        assertEquals("Hear the parts", text(R.id.mixture))
        activity.view<ToggleButton>(R.id.mixture).performClick()
        source(1).view<ToggleButton>(R.id.solo).performClick()
        activity.view<Button>(R.id.play).performClick()
        waitUntil { text(R.id.play) == "Play" }
        assertEquals(2, channels)
        val backing = result.sourceFile("backing").readBytes()
        assertEquals(2, backing[22].toInt()) // channels, in the header
        assertEquals(44 + 2 * 16_000, backing.size)
        assertArrayEquals(backing.copyOfRange(44, backing.size), heard.toByteArray())
    }

    @Test
    fun `what was chosen of one result is not chosen of the next`() {
        open()
        source(1).view<ToggleButton>(R.id.solo).performClick()
        source(0).view<ToggleButton>(R.id.mute).performClick()
        activity.view<ToggleButton>(R.id.mixture).performClick()
        makeResult(name = "another result")
        controller.recreate()
        assertFalse(source(1).view<ToggleButton>(R.id.solo).isChecked)
        assertFalse(source(0).view<ToggleButton>(R.id.mute).isChecked)
        assertFalse(activity.view<ToggleButton>(R.id.mixture).isChecked)
    }

    @Test
    @Config(shadows = [UnplayedTrack::class])
    fun `the end is played before the loudspeaker is given back`() {
        var written = 0L
        listen { written = System.nanoTime() }
        makeResult(StandInRecording(ShortArray(4000) { (it % 2000).toShort() }))
        controller.setup()
        activity.view<Button>(R.id.play).performClick()
        waitUntil { text(R.id.play) == "Play" }
        val seconds = (System.nanoTime() - written) / 1e9
        assertTrue("$seconds s", seconds >= 0.5)
    }

    @Test
    @Config(shadows = [UnplayedTrack::class])
    fun `the wait for the end is a pause's, too`() {
        open()
        activity.view<Button>(R.id.play).performClick()
        waitUntil { activity.view<SeekBar>(R.id.position).progress == 1000 }
        val pressed = System.nanoTime()
        activity.view<Button>(R.id.play).performClick()
        assertEquals("Play", text(R.id.play))
        assertTrue(System.nanoTime() - pressed < 1_000_000_000)
    }

    @Test
    fun `leaving the screen pauses`() = assertPauses { controller.pause().stop() }

    @Test
    fun `a call pauses`() = assertPauses {
        val audio = activity.getSystemService(Context.AUDIO_SERVICE) as AudioManager
        shadowOf(audio).lastAudioFocusRequest.listener.onAudioFocusChange(AudioManager.AUDIOFOCUS_LOSS_TRANSIENT)
    }

    @Test
    fun `pulled-out headphones pause`() =
        assertPauses { activity.sendBroadcast(Intent(AudioManager.ACTION_AUDIO_BECOMING_NOISY)) }

    @Test
    fun `a pause is a pause`() = assertPauses { activity.view<Button>(R.id.play).performClick() }

    @Test
    fun `a source is shared as a file that the other app may read`() {
        open()
        source(0).view<Button>(R.id.share).performClick()
        val chooser = shadowOf(activity).nextStartedActivity
        @Suppress("DEPRECATION")
        val send = chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)!!
        assertEquals("audio/wav", send.type)
        assertTrue(send.flags and Intent.FLAG_GRANT_READ_URI_PERMISSION != 0)
        assertEquals("content://org.fqss.demo.results/a%20result/source_speech_1.wav", send.clipData!!.getItemAt(0).uri.toString())
    }

    @Test
    fun `a source is saved where the person wants`() {
        open()
        var writer: Thread? = null
        val target = object : ByteArrayOutputStream() {
            override fun write(bytes: ByteArray, start: Int, count: Int) {
                writer = Thread.currentThread()
                super.write(bytes, start, count)
            }
        }
        save(target)
        assertNotEquals(Looper.getMainLooper().thread, writer)
        val file = testedDemo.lastResult()!!.sourceFile("speech_2")
        assertArrayEquals(file.readBytes(), target.toByteArray())
        assertEquals("Saved.", text(R.id.message))
    }

    @Test
    fun `a longer file in the place is cut`() {
        Robolectric.buildContentProvider(Places::class.java).create("places")
        open()
        save()
        assertEquals("Saved.", text(R.id.message))
        assertEquals("wt", Places.mode)
        assertArrayEquals(testedDemo.lastResult()!!.sourceFile("speech_2").readBytes(), Places.file.readBytes())
    }

    @Test
    fun `a place that may not be written is a message`() {
        shadowOf(testedDemo.contentResolver).registerOutputStreamSupplier(PLACE) { throw SecurityException("no permission") }
        open()
        save()
        assertEquals("Cannot save: no permission. Choose another place or free some storage.", text(R.id.message))
    }

    @Test
    fun `a phone without a file chooser gets a message`() {
        shadowOf(testedDemo).checkActivities(true)
        open()
        source(1).view<Button>(R.id.save).performClick()
        assertEquals("This phone has no app to choose files with.", text(R.id.message))
    }

    @Test
    fun `a place without room is a message`() {
        open()
        save(object : OutputStream() {
            override fun write(byte: Int) = throw IOException("no space left on device")
        })
        assertEquals(
            "Cannot save: no space left on device. Choose another place or free some storage.",
            text(R.id.message),
        )
    }

    @Test
    fun `a result that is gone is a message`() {
        controller.setup()
        assertEquals("This result is gone or damaged: separate the recording again.", text(R.id.message))
        assertFalse(activity.view<View>(R.id.play).isEnabled)
    }

    @Test
    fun `a damaged result is a message`() {
        makeResult().sourceFile("speech_1").writeBytes(ByteArray(10))
        controller.setup()
        assertEquals(
            "source_speech_1.wav is cut short or damaged: separate the recording again.",
            text(R.id.message),
        )
    }

    private fun open() {
        makeResult()
        controller.setup()
    }

    /** Playing stops before the end, on a loudspeaker that takes its time. */
    private fun assertPauses(interrupt: () -> Unit) {
        listen { Thread.sleep(50) }
        open()
        activity.view<Button>(R.id.play).performClick()
        interrupt()
        settle()
        assertEquals("Play", text(R.id.play))
        assertTrue(activity.view<SeekBar>(R.id.position).progress < 1000)
    }

    private fun listen(take: (ByteArray) -> Unit) =
        ShadowAudioTrack.addAudioDataListener { _, content, _ -> take(content) }

    private fun save(target: OutputStream) {
        shadowOf(activity.contentResolver).registerOutputStream(PLACE, target)
        save()
    }

    private fun save() {
        source(1).view<Button>(R.id.save).performClick()
        val chooser = shadowOf(activity).nextStartedActivityForResult
        assertEquals(Intent.ACTION_CREATE_DOCUMENT, chooser.intent.action)
        assertEquals("source_speech_2.wav", chooser.intent.getStringExtra(Intent.EXTRA_TITLE))
        shadowOf(activity).receiveResult(chooser.intent, Activity.RESULT_OK, Intent().setData(PLACE))
        activity.saving!!.join()
        settle()
    }

    private fun source(index: Int): View = activity.view<ViewGroup>(R.id.sources).getChildAt(index + 1)

    private fun assertQuiet(vararg quiet: Boolean) =
        assertEquals(quiet.toList(), quiet.indices.map { source(it).view<View>(R.id.waveform).alpha < 1 })

    private fun text(id: Int) = activity.view<TextView>(id).text.toString()

    private fun waitUntil(condition: () -> Boolean) {
        val end = System.nanoTime() + 20_000_000_000
        while (!condition()) {
            check(System.nanoTime() < end) { "it took too long" }
            Thread.sleep(5)
            settle()
        }
    }

    /** A loudspeaker that has played nothing yet. */
    @Implements(AudioTrack::class)
    class UnplayedTrack : ShadowAudioTrack() {
        @Implementation
        override fun getPlaybackHeadPosition() = 0
    }

    /** One place, in which there is a long file. */
    class Places : ContentProvider() {
        override fun onCreate(): Boolean {
            file.writeBytes(ByteArray(100_000))
            return true
        }

        override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
            Places.mode = mode
            return ParcelFileDescriptor.open(file, ParcelFileDescriptor.parseMode(mode))
        }

        override fun getType(uri: Uri) = "audio/wav"

        override fun query(uri: Uri, columns: Array<String>?, where: String?, values: Array<String>?, order: String?) = null

        override fun insert(uri: Uri, values: ContentValues?) = null

        override fun update(uri: Uri, content: ContentValues?, where: String?, values: Array<String>?) = 0

        override fun delete(uri: Uri, where: String?, values: Array<String>?) = 0

        companion object {
            val file get() = File(testedDemo.cacheDir, "place.wav")
            var mode = ""
        }
    }

    private companion object {
        val PLACE: Uri = Uri.parse("content://places/1")
    }
}

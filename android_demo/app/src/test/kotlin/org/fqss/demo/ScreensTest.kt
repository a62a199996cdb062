package org.fqss.demo

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.fqss.core.LiveStatus
import org.fqss.core.Pcm
import org.fqss.core.Progress
import org.fqss.core.Result
import org.fqss.core.WavWriter
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.ParameterizedRobolectricTestRunner
import org.robolectric.ParameterizedRobolectricTestRunner.Parameters
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File
import java.time.Duration

/** Every screen in both themes: it can be drawn, and read by TalkBack. Pictures go to target/screenshots. */
@RunWith(ParameterizedRobolectricTestRunner::class)
class ScreensTest(private val theme: String) {
    init {
        RuntimeEnvironment.setQualifiers("w360dp-h740dp-$theme-xhdpi")
        testedDemo.engines = echoes
    }

    @Test
    fun main() {
        makeResult()
        check("main", shown(MainActivity::class.java))
    }

    @Test
    fun settings() = check("settings", shown(SettingsActivity::class.java))

    @Test
    fun file() {
        val activity = shown(FileActivity::class.java, Intent())
        testedDemo.fileJob.listener!!(FileState.Running(Progress(Progress.Step.SEPARATING, 0.4), 75))
        check("file", activity)
        assertTrue(activity.view<View>(R.id.progress).height > 0)
    }

    @Test
    fun live() {
        val activity = shown(LiveActivity::class.java)
        val voices = listOf("speech_1", "speech_2")
        val running = LiveState.Running(LiveStatus(12.0, 0.6f, listOf(0.5f, 0.2f), 0.13), 0.02, 84, "two-voices-stream.tflite", voices)
        testedDemo.liveJob.listener!!(running)
        check("live", activity)
        assertTrue(activity.view<View>(R.id.meters).height > 0)
    }

    @Test
    fun result() {
        withVoices(makeResult())
        val activity = shown(ResultActivity::class.java)
        activity.drawing.forEach(Thread::join)
        settle()
        check("result", activity)
    }

    private fun <A : Activity> shown(screen: Class<A>, intent: Intent? = null): A =
        Robolectric.buildActivity(screen, intent).setup().get().also { settle() }

    private fun check(name: String, activity: Activity) {
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(1)) // what changed is laid out anew
        val root = activity.findViewById<ViewGroup>(android.R.id.content)!!.getChildAt(0) as ViewGroup
        assertReadable(root)
        val picture = picture(activity, root)
        val colours = (0 until picture.width step 7).flatMap { x -> (0 until picture.height step 7).map { picture.getPixel(x, it) } }
        assertTrue("$name is empty", colours.distinct().size > 3)
        val folder = File(System.getProperty("screenshots")!!).apply { mkdirs() }
        File(folder, "$name-$theme.png").outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }

    /** The whole height of what scrolls. */
    private fun picture(activity: Activity, root: ViewGroup): Bitmap {
        val content = root.getChildAt(0)
        val picture = Bitmap.createBitmap(root.width, maxOf(content.height, root.height), Bitmap.Config.ARGB_8888)
        val canvas = Canvas(picture)
        canvas.drawColor(activity.getColor(R.color.background))
        content.draw(canvas)
        return picture
    }

    private fun assertReadable(view: View) {
        if (view.visibility != View.VISIBLE) return
        if (view is ViewGroup) for (index in 0 until view.childCount) assertReadable(view.getChildAt(index))
        val name = view.javaClass.simpleName
        if (view.isClickable || view is WaveformView || view is SpectrogramView || view is LevelMeterView) {
            val spoken = view.contentDescription ?: (view as? TextView)?.text
            assertTrue("$name has nothing to say", !spoken.isNullOrEmpty())
        }
        if (view.isClickable) {
            val smallest = view.resources.getDimensionPixelSize(R.dimen.touch_target)
            assertTrue("$name is too small to touch", view.height >= smallest && view.width >= smallest)
        }
    }

    /** Real voices, as the shipped model separates them. */
    private fun withVoices(result: Result) {
        val golden = File("../core/src/test/resources/golden")
        val sources = Pcm.samples(File(golden, "voices_sources.i16").readBytes())
        val half = sources.size / 2
        val parts = listOf(
            result.mixtureFile to Pcm.samples(File(golden, "voices_mixture.i16").readBytes()),
            result.sourceFile("speech_1") to sources.copyOf(half),
            result.sourceFile("speech_2") to sources.copyOfRange(half, sources.size),
        )
        for ((file, samples) in parts) WavWriter(file, 8000).use { it.write(samples) }
    }

    companion object {
        @JvmStatic
        @Parameters(name = "{0}")
        fun themes() = listOf(arrayOf("notnight"), arrayOf("night"))
    }
}

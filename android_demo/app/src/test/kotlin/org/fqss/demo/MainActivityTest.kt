package org.fqss.demo

import android.Manifest.permission.RECORD_AUDIO
import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.view.View
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf

@RunWith(RobolectricTestRunner::class)
class MainActivityTest {
    private val recording = Uri.parse("content://recordings/1")
    private val activity by lazy { Robolectric.buildActivity(MainActivity::class.java).setup().get() }

    @Test
    fun `the screen names the model and the processor`() {
        testedDemo.settings.model = SHIPPED
        val summary = activity.view<TextView>(R.id.settings_summary).text.toString()
        assertEquals("two-voices.tflite on CPU (XNNPACK), 2 threads", summary)
    }

    @Test
    fun `an app without models says so`() {
        testedDemo.models = ModelStore({ emptyList() }) { null }
        val summary = activity.view<TextView>(R.id.settings_summary).text.toString()
        assertEquals("The app has no model: install it anew.", summary)
    }

    @Test
    fun `a recording is chosen and goes to its separation`() {
        activity.view<View>(R.id.choose_file).performClick()
        val chooser = shadowOf(activity).nextStartedActivityForResult
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, chooser.intent.action)
        assertEquals("audio/*", chooser.intent.type)
        shadowOf(activity).receiveResult(chooser.intent, Activity.RESULT_OK, Intent().setData(recording))
        assertStartsSeparation(activity)
    }

    @Test
    fun `choosing nothing starts nothing`() {
        activity.view<View>(R.id.choose_file).performClick()
        val chooser = shadowOf(activity).nextStartedActivityForResult
        shadowOf(activity).receiveResult(chooser.intent, Activity.RESULT_CANCELED, null)
        val started = generateSequence { shadowOf(activity).nextStartedActivity }.map { it.component?.className }
        assertFalse(FileActivity::class.java.name in started)
    }

    @Test
    fun `a phone without a file chooser gets a message`() {
        shadowOf(testedDemo).checkActivities(true)
        activity.view<View>(R.id.choose_file).performClick()
        assertEquals(
            "This phone has no app to choose files with.",
            activity.view<TextView>(R.id.message).text.toString(),
        )
    }

    @Test
    fun `a recording that another app shares is separated`() {
        val intent = Intent(Intent.ACTION_SEND).setType("audio/mp4").putExtra(Intent.EXTRA_STREAM, recording)
        assertStartsSeparation(Robolectric.buildActivity(MainActivity::class.java, intent).setup().get())
    }

    @Test
    fun `the last result is offered once there is one`() {
        assertEquals(View.GONE, activity.view<View>(R.id.last_result).visibility)
        makeResult()
        val next = Robolectric.buildActivity(MainActivity::class.java).setup().get()
        next.view<View>(R.id.last_result).performClick()
        assertEquals(ResultActivity::class.java.name, shadowOf(next).nextStartedActivity.component!!.className)
    }

    @Test
    fun `nobody is asked for the microphone before it is used`() {
        assertNull(shadowOf(activity).lastRequestedPermission)
        val info = activity.packageManager.getPackageInfo(activity.packageName, 4096) // GET_PERMISSIONS
        assertEquals(listOf(RECORD_AUDIO), info.requestedPermissions!!.toList())
    }

    private fun assertStartsSeparation(activity: Activity) {
        val started = shadowOf(activity).nextStartedActivity
        assertEquals(FileActivity::class.java.name, started.component!!.className)
        assertEquals(recording, started.data)
    }
}

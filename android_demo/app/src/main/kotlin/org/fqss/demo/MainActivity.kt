package org.fqss.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.TextView
import org.fqss.core.SeparationException

/** Where to begin: a recording, the microphone, the last result, the settings. */
class MainActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.activity_main)
        view<Button>(R.id.choose_file).setOnClickListener { chooseFile() }
        view<Button>(R.id.use_microphone).setOnClickListener { open(LiveActivity::class.java) }
        view<Button>(R.id.last_result).setOnClickListener { open(ResultActivity::class.java) }
        view<Button>(R.id.change_settings).setOnClickListener { open(SettingsActivity::class.java) }
        if (state == null && intent.action == Intent.ACTION_SEND) sharedRecording()?.let(::separate)
    }

    override fun onResume() {
        super.onResume()
        view<View>(R.id.last_result).visibility = if (demo.lastResult() == null) View.GONE else View.VISIBLE
        view<TextView>(R.id.settings_summary).text = try {
            getString(R.string.settings_summary, demo.chosenModelName(), demo.settings.processor.title(this))
        } catch (error: SeparationException) {
            error.message
        }
    }

    @Deprecated("of the framework; its successor is in a library that this app does without")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        if (request == CHOOSE_FILE && result == RESULT_OK) data?.data?.let(::separate)
    }

    private fun chooseFile() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("audio/*")
        try {
            startActivityForResult(intent, CHOOSE_FILE)
        } catch (_: ActivityNotFoundException) {
            view<TextView>(R.id.message).showMessage(getString(R.string.no_file_chooser))
        }
    }

    private fun separate(uri: Uri) = startActivity(
        Intent(this, FileActivity::class.java).setData(uri).addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION),
    )

    @Suppress("DEPRECATION") // Android 13 has a typed call, earlier versions only this one.
    private fun sharedRecording(): Uri? = intent.getParcelableExtra(Intent.EXTRA_STREAM)

    private fun open(screen: Class<out Activity>) = startActivity(Intent(this, screen))

    private companion object {
        const val CHOOSE_FILE = 1
    }
}

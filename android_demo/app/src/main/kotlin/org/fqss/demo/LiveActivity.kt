package org.fqss.demo

import android.Manifest.permission.RECORD_AUDIO
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager.PERMISSION_GRANTED
import android.net.Uri
import android.os.Bundle
import android.provider.Settings.ACTION_APPLICATION_DETAILS_SETTINGS
import android.view.View
import android.view.ViewGroup
import android.view.WindowManager
import android.widget.Button
import android.widget.TextView
import org.fqss.core.LiveStatus

/** The microphone live: meters, the delay, the running real-time factor. */
class LiveActivity : Activity() {
    private val job get() = demo.liveJob
    private val status by lazy { view<TextView>(R.id.status) }
    private val message by lazy { view<TextView>(R.id.message) }
    private val meters by lazy { view<ViewGroup>(R.id.meters) }
    private val startStop by lazy { view<Button>(R.id.start_stop) }
    private val phoneSettings by lazy { view<Button>(R.id.phone_settings) }
    private var isWithheld = false // until this screen has started a job of its own, an old result opens nothing

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.activity_live)
        isWithheld = state?.getBoolean(WITHHELD) ?: !job.isRunning
        startStop.setOnClickListener { if (job.isRunning) job.stop() else startIfAllowed() }
        phoneSettings.setOnClickListener {
            startActivity(Intent(ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null)))
        }
    }

    override fun onStart() {
        super.onStart()
        job.listener = ::show
        if (!isWithheld) show(job.state)
    }

    override fun onStop() {
        job.listener = null
        // A call or another app has the screen: what was recorded is kept. A rotation interrupts nothing.
        if (!isChangingConfigurations && job.isRunning) job.stop()
        super.onStop()
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(WITHHELD, isWithheld)
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (results.isEmpty()) return // the question was interrupted: no refusal
        if (results[0] == PERMISSION_GRANTED) return start()
        val mayAskAgain = shouldShowRequestPermissionRationale(RECORD_AUDIO)
        message.showMessage(
            getString(if (mayAskAgain) R.string.microphone_refused else R.string.microphone_refused_for_good),
        )
        phoneSettings.visibility = if (mayAskAgain) View.GONE else View.VISIBLE
    }

    private fun startIfAllowed() {
        if (checkSelfPermission(RECORD_AUDIO) == PERMISSION_GRANTED) start()
        else requestPermissions(arrayOf(RECORD_AUDIO), 0)
    }

    private fun start() {
        isWithheld = false
        phoneSettings.visibility = View.GONE
        message.showMessage(null)
        job.start()
    }

    private fun show(state: LiveState) {
        val isAtWork = state is LiveState.Opening || state is LiveState.Running
        startStop.setText(if (isAtWork) R.string.stop else R.string.start)
        keepScreenOn(isAtWork)
        when (state) {
            LiveState.Idle -> status.setText(R.string.live_idle)
            LiveState.Opening -> status.setText(R.string.live_opening)
            is LiveState.Running -> show(state)
            is LiveState.Failed -> {
                status.setText(R.string.live_idle)
                message.showMessage(state.message)
            }
            is LiveState.Done -> {
                status.setText(R.string.live_idle)
                if (state.result != null) startActivity(Intent(this, ResultActivity::class.java))
                isWithheld = true
            }
        }
    }

    private fun show(state: LiveState.Running) {
        val text = if (state.stepModel == null) {
            getString(R.string.live_running, "%.1f".format(state.latencySeconds))
        } else {
            getString(R.string.live_streaming, "%.0f".format(1000 * state.latencySeconds), state.stepModel)
        }
        if (status.text.toString() != text) status.text = text
        val factor = state.status.realTimeFactor
        val isSlow = factor != null && factor > 1 && state.status.seconds > SECONDS_TO_JUDGE_FROM
        message.showMessage(if (isSlow) getString(R.string.live_slow) else null)
        showLevels(state.status, state.sources)
        view<TextView>(R.id.time).text = clockTime(state.status.seconds.toLong())
        view<TextView>(R.id.facts).text =
            getString(R.string.live_facts, factor?.let { "%.2f".format(it) } ?: "–", state.memoryMegabytes)
    }

    private fun showLevels(status: LiveStatus, sources: List<String>) {
        val levels = listOf(status.mixtureLevel) + status.sourceLevels
        while (meters.childCount < levels.size) layoutInflater.inflate(R.layout.item_meter, meters)
        levels.forEachIndexed { index, level ->
            val item = meters.getChildAt(index)
            val title = if (index == 0) getString(R.string.mixture) else sourceTitle(this, index - 1, sources)
            item.view<TextView>(R.id.name).text = title
            item.view<LevelMeterView>(R.id.meter).apply {
                this.level = level
                contentDescription = getString(R.string.level_of, title, (100 * level).toInt())
            }
        }
    }

    private fun keepScreenOn(isOn: Boolean) {
        if (isOn) window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        else window.clearFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
    }

    private companion object {
        const val SECONDS_TO_JUDGE_FROM = 6
        const val WITHHELD = "withheld"
    }
}

package org.fqss.demo

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.view.WindowManager
import android.widget.Button
import android.widget.ProgressBar
import android.widget.TextView
import org.fqss.core.Progress

/** Progress of a [FileJob], which goes on when the screen is rotated. */
class FileActivity : Activity() {
    private val job get() = demo.fileJob
    private val isOwnJob get() = job.uri == intent.data
    private val listener: (FileState) -> Unit = ::show
    private val step by lazy { view<TextView>(R.id.step) }
    private val message by lazy { view<TextView>(R.id.message) }
    private val progress by lazy { view<ProgressBar>(R.id.progress) }
    private val goOn by lazy { view<Button>(R.id.go_on) }
    private val cancel by lazy { view<Button>(R.id.cancel) }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.activity_file)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        cancel.setOnClickListener { if (isAtWork(job.state)) job.cancel() else finish() }
        goOn.setOnClickListener { start(isLongAccepted = isOwnJob) }
        if (state == null || job.state == FileState.Idle) start(isLongAccepted = false)
    }

    override fun onStart() {
        super.onStart()
        job.listener = listener
        show(job.state)
    }

    override fun onStop() {
        // The screen that comes back listens before this one stops.
        if (job.listener === listener) job.listener = null
        super.onStop()
    }

    @Deprecated("of the framework; its successor needs Android 13")
    override fun onBackPressed() = leave()

    private fun start(isLongAccepted: Boolean) {
        val uri = intent.data
        if (uri != null && !job.isRunning) job.start(uri, isLongAccepted)
    }

    private fun leave() {
        if (isOwnJob && isAtWork(job.state)) job.cancel() else finish()
    }

    private fun isAtWork(state: FileState) = state is FileState.Opening || state is FileState.Running

    private fun show(state: FileState) {
        if (!isOwnJob) return showOther(isAtWork(state))
        progress.visibility = if (isAtWork(state)) View.VISIBLE else View.GONE
        goOn.visibility = if (state is FileState.Question) View.VISIBLE else View.GONE
        cancel.setText(if (isAtWork(state) || state is FileState.Question) R.string.cancel else R.string.back)
        message.showMessage(null)
        when (state) {
            FileState.Idle -> step.text = null
            FileState.Opening -> show(getString(R.string.step_opening), null)
            is FileState.Running -> show(stepText(state), state.progress.share)
            is FileState.Question -> step.text = getString(R.string.confirm_long, clockTime(state.seconds), state.megabytes)
            is FileState.Failed -> {
                step.text = null
                message.showMessage(state.message)
            }
            FileState.Cancelled -> step.setText(R.string.cancelled)
            is FileState.Done -> {
                startActivity(Intent(this, ResultActivity::class.java))
                finish()
            }
        }
    }

    /** The job is of another recording: its result is not this one's. */
    private fun showOther(isAtWork: Boolean) {
        progress.visibility = View.GONE
        goOn.visibility = if (isAtWork) View.GONE else View.VISIBLE
        cancel.setText(if (isAtWork) R.string.cancel else R.string.back)
        step.text = if (isAtWork) null else getString(R.string.not_separated)
        message.showMessage(if (isAtWork) getString(R.string.other_at_work) else null)
    }

    private fun show(text: String, share: Double?) {
        if (step.text.toString() != text) step.text = text
        progress.isIndeterminate = share == null
        share?.let { progress.progress = (it * progress.max).toInt() }
    }

    private fun stepText(state: FileState.Running): String {
        val isReading = state.progress.step == Progress.Step.READING
        val text = getString(if (isReading) R.string.step_reading else R.string.step_separating)
        return state.secondsLeft?.let { getString(R.string.remaining, text, clockTime(it)) } ?: text
    }
}

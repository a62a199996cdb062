package org.fqss.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.SeekBar
import android.widget.TextView
import android.widget.ToggleButton
import org.fqss.core.Mixdown
import org.fqss.core.ModelDescription
import org.fqss.core.Overview
import org.fqss.core.Result
import org.fqss.core.SeparationException
import java.io.File
import java.io.IOException
import kotlin.concurrent.thread

/** The sources of the last result: seen, heard one at a time, shared, saved. */
class ResultActivity : Activity() {
    private val message by lazy { view<TextView>(R.id.message) }
    private val play by lazy { view<Button>(R.id.play) }
    private val mixture by lazy { view<ToggleButton>(R.id.mixture) }
    private val position by lazy { view<SeekBar>(R.id.position) }
    private val sources by lazy { view<ViewGroup>(R.id.sources) }
    private var result: Result? = null
    private var mixdown: Mixdown? = null
    private var player: Player? = null
    private var saved: File? = null // what the person is choosing a place for

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.activity_result)
        try {
            val result = demo.lastResult() ?: throw SeparationException(
                "This result is gone or damaged: separate the recording again.",
            )
            show(result, Mixdown(result), state)
        } catch (error: SeparationException) {
            refuse(error)
        } catch (error: IOException) {
            refuse(error)
        }
    }

    override fun onStop() {
        player?.pause()
        super.onStop()
    }

    override fun onDestroy() {
        mixdown?.close()
        super.onDestroy()
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        val mixdown = mixdown ?: return
        state.putString(RESULT, result!!.folder.name)
        state.putLong(POSITION, mixdown.position)
        state.putBoolean(MIXTURE, mixdown.isMixtureHeard)
        state.putInt(SOLO, mixdown.soloSource ?: -1)
        state.putBooleanArray(MUTED, BooleanArray(result!!.sources.size, mixdown::isMuted))
        saved?.let { state.putString(SAVED, it.name) }
    }

    @Deprecated("of the framework; its successor is in a library that this app does without")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val target = data?.data
        val source = saved
        if (request == CHOOSE_PLACE && result == RESULT_OK && target != null && source != null) save(source, target)
    }

    private fun show(result: Result, mixdown: Mixdown, state: Bundle?) {
        this.result = result
        this.mixdown = mixdown
        mixture.textOn = getString(
            when {
                ModelDescription.areNamed(result.sources) -> R.string.hear_parts
                result.sources.size == 1 -> R.string.hear_speech
                else -> R.string.hear_voices
            },
        )
        state?.let { restore(it, result, mixdown) }
        player = Player(this, mixdown, ::showPlaying) { message.showMessage(getString(R.string.no_player, it)) }
        play.setOnClickListener { player?.run { if (isPlaying) pause() else play() } }
        mixture.setOnClickListener {
            mixdown.isMixtureHeard = mixture.isChecked
            showChoices()
        }
        position.setOnSeekBarChangeListener(Seek())
        showFacts(result, mixdown)
        addPictures(getString(R.string.mixture), result.mixtureFile)
        result.sources.forEachIndexed { index, source -> addSource(index, result.sourceFile(source)) }
        showChoices()
        showPlaying()
    }

    private fun restore(state: Bundle, result: Result, mixdown: Mixdown) {
        if (state.getString(RESULT) != result.folder.name) return // another one was made meanwhile
        mixdown.position = state.getLong(POSITION)
        mixdown.isMixtureHeard = state.getBoolean(MIXTURE)
        mixdown.soloSource = state.getInt(SOLO, -1).takeIf { it >= 0 }
        state.getBooleanArray(MUTED)?.forEachIndexed(mixdown::setMuted)
        saved = state.getString(SAVED)?.let { File(result.folder, it) }
    }

    private fun showFacts(result: Result, mixdown: Mixdown) {
        val facts = result.facts
        val seconds = mixdown.samples / mixdown.rate.toDouble()
        fun title(fact: String) = Processor.valueOf(facts.getValue(fact)).title(this)
        view<TextView>(R.id.facts).text = getString(
            R.string.facts,
            clockTime(seconds.toLong()),
            clockTime(result.computeSeconds.toLong()),
            "%.2f".format(result.computeSeconds / seconds),
            facts[Facts.MODEL],
            title(Facts.PROCESSOR),
            facts[Facts.SEGMENT_MILLISECONDS],
            facts[Facts.SEGMENT_SECONDS],
            facts[Facts.MEMORY_MEGABYTES],
        )
        val refusal = facts[Facts.REFUSAL].orEmpty()
        if (refusal.isNotEmpty()) {
            message.showMessage(getString(R.string.fell_back, title(Facts.WANTED), title(Facts.PROCESSOR), refusal))
        }
    }

    private fun addPictures(title: String, file: File): View {
        val item = layoutInflater.inflate(R.layout.item_source, sources, false)
        sources.addView(item)
        val waveform = item.view<WaveformView>(R.id.waveform)
        val spectrogram = item.view<SpectrogramView>(R.id.spectrogram)
        item.view<TextView>(R.id.name).text = title
        waveform.contentDescription = getString(R.string.waveform_of, title)
        spectrogram.contentDescription = getString(R.string.spectrogram_of, title)
        item.view<View>(R.id.buttons).visibility = View.GONE
        drawing = thread {
            val overview = try {
                Overview.of(file, OVERVIEW_COLUMNS)
            } catch (_: IOException) {
                return@thread // the result was replaced meanwhile
            }
            runOnUiThread {
                waveform.show(overview)
                spectrogram.show(overview)
            }
        }.let { drawing + it }
        return item
    }

    private fun addSource(source: Int, file: File) {
        val title = sourceTitle(this, source, result!!.sources)
        val item = addPictures(title, file)
        val mixdown = mixdown!!
        item.view<View>(R.id.buttons).visibility = View.VISIBLE
        item.view<ToggleButton>(R.id.solo).apply {
            contentDescription = getString(R.string.solo_of, title)
            setOnClickListener {
                mixdown.soloSource = if (isChecked) source else null
                showChoices()
            }
        }
        item.view<ToggleButton>(R.id.mute).apply {
            contentDescription = getString(R.string.mute_of, title)
            setOnClickListener {
                mixdown.setMuted(source, isChecked)
                showChoices()
            }
        }
        item.view<Button>(R.id.share).apply {
            contentDescription = getString(R.string.share_of, title)
            setOnClickListener { share(file) }
        }
        item.view<Button>(R.id.save).apply {
            contentDescription = getString(R.string.save_of, title)
            setOnClickListener { choosePlace(file) }
        }
    }

    private fun showChoices() {
        val mixdown = mixdown!!
        mixture.isChecked = mixdown.isMixtureHeard
        for (source in result!!.sources.indices) {
            val item = sources.getChildAt(source + 1) // the mixture comes first
            item.view<ToggleButton>(R.id.solo).isChecked = mixdown.soloSource == source
            item.view<ToggleButton>(R.id.mute).isChecked = mixdown.isMuted(source)
            item.view<View>(R.id.waveform).alpha = if (mixdown.isHeard(source)) 1f else QUIET_ALPHA
        }
    }

    private fun showPlaying() {
        play.setText(if (player?.isPlaying == true) R.string.pause else R.string.play)
        val mixdown = mixdown!!
        val share = if (mixdown.samples == 0L) 0f else mixdown.position / mixdown.samples.toFloat()
        position.progress = (share * position.max).toInt()
        moveNeedles(share)
    }

    private fun moveNeedles(share: Float) {
        for (index in 0 until sources.childCount) {
            sources.getChildAt(index).view<WaveformView>(R.id.waveform).moveTo(share)
        }
    }

    private fun share(file: File) {
        val uri = ResultProvider.uri(file)
        val send = Intent(Intent.ACTION_SEND).setType(ResultProvider.MIME_TYPE).putExtra(Intent.EXTRA_STREAM, uri)
        send.clipData = ClipData.newRawUri(file.name, uri)
        startActivity(Intent.createChooser(send.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION), null))
    }

    private fun choosePlace(file: File) {
        saved = file
        val intent = Intent(Intent.ACTION_CREATE_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
            .setType(ResultProvider.MIME_TYPE).putExtra(Intent.EXTRA_TITLE, file.name)
        try {
            startActivityForResult(intent, CHOOSE_PLACE)
        } catch (_: ActivityNotFoundException) {
            message.showMessage(getString(R.string.no_file_chooser))
        }
    }

    private fun save(source: File, target: Uri) {
        saving = thread {
            val told = try {
                copy(source, target)
                getString(R.string.saved)
            } catch (error: IOException) {
                getString(R.string.not_saved, error.message)
            } catch (error: SecurityException) {
                getString(R.string.not_saved, error.message)
            }
            runOnUiThread { message.showMessage(told) }
        }
    }

    private fun copy(source: File, target: Uri) {
        // A longer file that is overwritten would keep its end otherwise.
        val output = contentResolver.openOutputStream(target, "wt") ?: throw IOException(target.toString())
        output.use { to -> source.inputStream().use { it.copyTo(to) } }
    }

    private fun refuse(error: Exception) {
        message.showMessage(error.message)
        play.isEnabled = false
        mixture.isEnabled = false
        position.isEnabled = false
    }

    /** Threads that draw; tests wait for them. */
    internal var drawing: List<Thread> = emptyList()
        private set

    /** Writes what is saved; tests wait for it. */
    internal var saving: Thread? = null
        private set

    private inner class Seek : SeekBar.OnSeekBarChangeListener {
        override fun onProgressChanged(bar: SeekBar, progress: Int, isByPerson: Boolean) {
            val mixdown = mixdown!!
            if (!isByPerson) return
            mixdown.position = mixdown.samples * progress / bar.max
            moveNeedles(progress / bar.max.toFloat())
        }

        override fun onStartTrackingTouch(bar: SeekBar) = Unit

        override fun onStopTrackingTouch(bar: SeekBar) = Unit
    }

    private companion object {
        const val CHOOSE_PLACE = 1
        const val QUIET_ALPHA = 0.35f
        const val RESULT = "result"
        const val POSITION = "position"
        const val MIXTURE = "mixture"
        const val SOLO = "solo"
        const val MUTED = "muted"
        const val SAVED = "saved"
    }
}

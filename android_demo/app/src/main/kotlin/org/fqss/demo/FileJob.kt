package org.fqss.demo

import android.net.Uri
import android.os.SystemClock
import org.fqss.core.FileSeparation
import org.fqss.core.Progress
import org.fqss.core.Result
import java.io.File
import java.util.UUID

sealed interface FileState {
    object Idle : FileState

    object Opening : FileState

    /** The recording is long: the person decides. */
    class Question(val seconds: Long, val megabytes: Long) : FileState

    class Running(val progress: Progress, val secondsLeft: Long?) : FileState

    class Done(val result: Result) : FileState

    class Failed(val message: String) : FileState

    object Cancelled : FileState
}

/** Separates a recording that was chosen. */
class FileJob(private val demo: DemoApplication) : Job<FileState>(FileState.Idle) {
    private var separationStarted = 0L

    /** What was started last; of the main thread. */
    var uri: Uri? = null
        private set

    /** @param isLongAccepted whether the person wants a long recording all the same. */
    fun start(uri: Uri, isLongAccepted: Boolean) {
        this.uri = uri
        start(FileState.Opening, FileState::Failed, FileState.Cancelled) { separate(uri, isLongAccepted) }
    }

    fun cancel() {
        isCancelled = true
    }

    private fun separate(uri: Uri, isLongAccepted: Boolean) = demo.openRecording(uri).use { recording ->
        val name = demo.chosenModelName()
        val opened = demo.openEngine(name)
        opened.engine.use { engine ->
            val samples = recording.estimatedSamples ?: 0
            val seconds = samples / recording.rate
            if (seconds > LONG_SECONDS && !isLongAccepted) {
                val bytes = FileSeparation.neededBytes(samples, engine.sources, FileSeparation.channels(engine, recording))
                return show(FileState.Question(seconds, bytes / 1_000_000))
            }
            val separation = FileSeparation(
                engine,
                demo.freeBytes,
                facts = { Facts.of(name, demo.settings.processor, opened, memoryMegabytes()) },
                onProgress = { show(FileState.Running(it, secondsLeft(it))) },
                isCancelled = { isCancelled },
            )
            val result = separation.run(recording, File(demo.resultsFolder, UUID.randomUUID().toString()))
            demo.keepOnly(result)
            show(FileState.Done(result))
        }
    }

    private fun secondsLeft(progress: Progress): Long? {
        val share = progress.share
        if (progress.step != Progress.Step.SEPARATING || share == null) {
            separationStarted = SystemClock.elapsedRealtime()
            return null
        }
        val elapsed = SystemClock.elapsedRealtime() - separationStarted
        return if (share < SHARE_TO_ESTIMATE_FROM) null else (elapsed * (1 - share) / share / 1000).toLong()
    }

    private companion object {
        const val LONG_SECONDS = 1800
        const val SHARE_TO_ESTIMATE_FROM = 0.02
    }
}

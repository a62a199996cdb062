package org.fqss.demo

import android.app.Application
import android.net.Uri
import org.fqss.core.Recording
import org.fqss.core.Result
import org.fqss.core.SeparationException
import java.io.File

/** What outlives a rotated screen: the jobs, and how they reach the phone (tests put stand-ins there). */
class DemoApplication : Application() {
    val settings by lazy { Settings(this) }
    val fileJob by lazy { FileJob(this) }
    val liveJob by lazy { LiveJob(this) }
    val modelJob by lazy { ModelJob(this) }
    val resultsFolder by lazy { File(filesDir, "results").apply { mkdirs() } }

    lateinit var models: ModelStore
    var engines = EngineOpener(::LiteRtRunner)
    var openRecording: (Uri) -> Recording = { MediaRecording(this, it) }
    var openMicrophone: (Int, Double) -> Microphone = ::DeviceMicrophone
    var freeBytes: () -> Long = { filesDir.usableSpace }

    override fun onCreate() {
        super.onCreate()
        models = ModelStore.of(this)
        unfinishedResults().forEach(File::deleteRecursively) // of a process that ended in the middle
    }

    /** The chosen model, or the first where nothing was chosen or the choice is gone. */
    fun chosenModelName(): String {
        val names = models.names()
        return settings.model?.takeIf { it in names }
            ?: names.firstOrNull()
            ?: throw SeparationException(getString(R.string.no_models))
    }

    /** The model for the microphone: one for streams, or the chosen one where the app has none. */
    fun liveModelName(): String = models.stepName() ?: chosenModelName()

    /** @throws SeparationException the model is missing or damaged, or this phone cannot run it. */
    fun openEngine(modelName: String): OpenedEngine = engines.open(models.load(modelName), settings.processor)

    private fun unfinishedResults() = resultsFolder.listFiles().orEmpty().filter { it.name.startsWith(".") }

    /** Keeps the last result only: recordings are large. What another job is writing stays. */
    fun keepOnly(result: Result) {
        settings.lastResult = result.folder.name
        val others = resultsFolder.listFiles().orEmpty().toList() - result.folder - unfinishedResults().toSet()
        others.forEach { it.deleteRecursively() }
    }

    fun lastResult(): Result? = settings.lastResult?.let { name ->
        try {
            Result(File(resultsFolder, name))
        } catch (_: SeparationException) {
            null
        }
    }
}

val android.content.Context.demo get() = applicationContext as DemoApplication

package org.fqss.demo

import org.fqss.core.ChunkedStreamingSession
import org.fqss.core.LiveRecorder
import org.fqss.core.LiveStatus
import org.fqss.core.Result
import java.io.File
import java.util.UUID

sealed interface LiveState {
    object Idle : LiveState

    object Opening : LiveState

    class Running(val status: LiveStatus, val latencySeconds: Double, val memoryMegabytes: Int) : LiveState

    /** [result] is null where nothing was recorded. */
    class Done(val result: Result?) : LiveState

    class Failed(val message: String) : LiveState
}

/** Records from the microphone and separates meanwhile, until it is stopped. */
class LiveJob(private val demo: DemoApplication) : Job<LiveState>(LiveState.Idle) {
    fun start() = start(LiveState.Opening, LiveState::Failed, LiveState.Idle) { record() }

    /** What was recorded so far is kept. */
    fun stop() {
        isCancelled = true
    }

    private fun record() {
        val name = demo.chosenModelName()
        val opened = demo.openEngine()
        opened.engine.use { engine ->
            demo.openMicrophone(engine.description.sampleRate).use { microphone ->
                val session = ChunkedStreamingSession(engine, microphone.rate)
                val folder = File(demo.resultsFolder, UUID.randomUUID().toString())
                LiveRecorder(session, folder, demo.freeBytes).use { recorder ->
                    val latency = session.latencySamples / session.rate.toDouble()
                    while (!isCancelled) {
                        val status = recorder.push(microphone.read() ?: break)
                        show(LiveState.Running(status, latency, memoryMegabytes()))
                    }
                    val result = recorder.finish(Facts.of(name, demo.settings.processor, opened, memoryMegabytes()))
                    result?.let(demo::keepOnly)
                    show(LiveState.Done(result))
                }
            }
        }
    }
}

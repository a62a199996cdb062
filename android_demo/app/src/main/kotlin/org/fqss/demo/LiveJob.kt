package org.fqss.demo

import org.fqss.core.LiveRecorder
import org.fqss.core.LiveStatus
import org.fqss.core.Result
import org.fqss.core.StreamingSession
import java.io.File
import java.util.UUID

sealed interface LiveState {
    object Idle : LiveState

    object Opening : LiveState

    /** [stepModel] is the model for streams that runs; null where it is one for recordings. */
    class Running(
        val status: LiveStatus,
        val latencySeconds: Double,
        val memoryMegabytes: Int,
        val stepModel: String?,
        val sources: List<String>,
    ) : LiveState

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
        val name = demo.liveModelName()
        val opened = demo.openEngine(name)
        opened.engine.use { engine ->
            val description = engine.description
            val stepSeconds = description.segment / description.sampleRate.toDouble()
            demo.openMicrophone(description.sampleRate, minOf(stepSeconds, LONGEST_BLOCK_SECONDS)).use { microphone ->
                val session = StreamingSession(engine, microphone.rate)
                val folder = File(demo.resultsFolder, UUID.randomUUID().toString())
                LiveRecorder(session, folder, demo.freeBytes).use { recorder ->
                    val latency = session.latencySamples / session.rate.toDouble()
                    val stepModel = name.takeIf { description.isStep }
                    while (!isCancelled && !recorder.isFull) {
                        recorder.push(microphone.read() ?: break)?.let { status ->
                            show(LiveState.Running(status, latency, memoryMegabytes(), stepModel, session.sources))
                        }
                    }
                    val result = recorder.finish(Facts.of(name, demo.settings.processor, opened, memoryMegabytes()))
                    result?.let(demo::keepOnly)
                    show(LiveState.Done(result))
                }
            }
        }
    }

    private companion object {
        const val LONGEST_BLOCK_SECONDS = 0.1
    }
}

package org.fqss.demo

import android.os.Debug
import android.os.Handler
import android.os.Looper
import org.fqss.core.CancelledException
import org.fqss.core.SeparationException
import kotlin.concurrent.thread

/** Work on a thread of its own whose state a screen shows, and the next screen after a rotation. */
abstract class Job<State>(initial: State) {
    private val main = Handler(Looper.getMainLooper())
    private var worker: Thread? = null

    /** Of the main thread: from the start until after the last state. */
    var isRunning = false
        private set

    @Volatile
    protected var isCancelled = false

    /** Of the main thread. */
    var state: State = initial
        private set

    /** Called on the main thread with each new state. */
    var listener: ((State) -> Unit)? = null

    protected fun show(state: State) {
        main.post {
            this.state = state
            listener?.invoke(state)
        }
    }

    /** Runs [work] on a thread, and [failed] with a line for the person where it fails. */
    protected fun start(first: State, failed: (String) -> State, cancelled: State, work: () -> Unit) {
        check(!isRunning) { "the job runs already" }
        isCancelled = false
        isRunning = true
        state = first
        listener?.invoke(first)
        worker = thread {
            try {
                work()
            } catch (_: CancelledException) {
                show(cancelled)
            } catch (error: SeparationException) {
                show(failed(error.message!!))
            } catch (error: OutOfMemoryError) {
                show(failed("The phone has too little memory: close other apps and try again."))
            } catch (error: Exception) {
                show(failed("Something went wrong: ${error.message ?: error.javaClass.simpleName}"))
            } finally {
                main.post { isRunning = false }
            }
        }
    }

    /** Waits until the work is done; its last states are still to be shown. */
    fun join() {
        worker?.join()
    }

    protected fun memoryMegabytes(): Int {
        val info = Debug.MemoryInfo()
        Debug.getMemoryInfo(info)
        return info.totalPss / 1024
    }
}

/** Names of what a result keeps beside its sound. */
object Facts {
    const val MODEL = "model"
    const val PROCESSOR = "processor"
    const val WANTED = "wanted"
    const val REFUSAL = "refusal"
    const val SEGMENT_MILLISECONDS = "segment_milliseconds"
    const val SEGMENT_SECONDS = "segment_seconds"
    const val MEMORY_MEGABYTES = "memory_megabytes"

    fun of(model: String, wanted: Processor, opened: OpenedEngine, memoryMegabytes: Int): Map<String, String> {
        val description = opened.engine.description
        val seconds = description.segment / description.sampleRate.toDouble()
        return mapOf(
            MODEL to model,
            PROCESSOR to opened.used.name,
            WANTED to wanted.name,
            REFUSAL to opened.refusal.orEmpty(),
            SEGMENT_MILLISECONDS to (if (description.isStep) "%.2f" else "%.0f").format(opened.meanMilliseconds ?: 0.0),
            SEGMENT_SECONDS to (if (description.isStep) "%.3f" else "%.1f").format(seconds),
            MEMORY_MEGABYTES to memoryMegabytes.toString(),
        )
    }
}

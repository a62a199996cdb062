package org.fqss.demo

import android.os.Looper
import org.fqss.core.FileSeparation
import org.fqss.core.ModelDescription
import org.fqss.core.Recording
import org.fqss.core.Result
import org.fqss.core.TensorRunner
import org.json.JSONArray
import org.json.JSONObject
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File
import java.security.MessageDigest

val testedDemo get() = RuntimeEnvironment.getApplication() as DemoApplication

const val SHIPPED = "two-voices.tflite"

const val STEPS = "steps.tflite"

/** The shipped model, and beside it [STEPS], which only says that it takes steps of 16 ms and lags 4 ms. */
fun modelsWithSteps(): ModelStore {
    val shipped = testedDemo.assets.open(SHIPPED).use { it.readBytes() }
    val text = String(shipped, 0, shipped.size - SEAL_BYTES, Charsets.ISO_8859_1)
    val start = text.lastIndexOf('{', text.indexOf("\"sample_rate\""))
    val end = text.indexOf('}', start) + 1
    val description = JSONObject(text.substring(start, end))
        .put("segment", 128).put("lag", 32).put("states", JSONArray()).put("quantised_by", "")
    val steps = text.replaceRange(start, end, description.toString().padEnd(end - start)).toByteArray(Charsets.ISO_8859_1)
    check(steps.size == text.length) { "the description of the stand-in is too long" }
    val sealed = steps + "fqss-tf sha256: ".toByteArray() + MessageDigest.getInstance("SHA-256").digest(steps)
    return ModelStore({ listOf(SHIPPED, STEPS) }) { if (it == STEPS) sealed else shipped.takeIf { _ -> it == SHIPPED } }
}

private const val SEAL_BYTES = 48

/** The shipped model alone. */
fun modelsWithoutSteps(): ModelStore {
    val shipped = testedDemo.assets.open(SHIPPED).use { it.readBytes() }
    return ModelStore({ listOf(SHIPPED) }) { name -> shipped.takeIf { name == SHIPPED } }
}

/** What the main thread has waiting is done. */
fun settle() = shadowOf(Looper.getMainLooper()).idle()

fun Job<*>.finish() {
    join()
    settle()
}

/** Gives the mixture for each source; [gain] of its first plane is wrong unless it is 1. */
class EchoRunner(private val description: ModelDescription, private val gain: Int = 1) : TensorRunner {
    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> = List(description.outputStages) { stage ->
        val plane = ByteArray(description.segment) { (gain * mixture[it * description.inputStages + stage]).toByte() }
        List(description.sources.size) { plane }.reduce(ByteArray::plus)
    }

    override fun close() = Unit
}

val echoes = EngineOpener { model, _ -> EchoRunner(model.description) }

/** A recording that says it lasts [saidSeconds] and gives [samples]. */
class StandInRecording(
    private val samples: ShortArray = ShortArray(20_000) { (it % 2000).toShort() },
    saidSeconds: Long = samples.size / 8000L,
    private val onRead: () -> Unit = {},
) : Recording {
    private var isRead = false
    override val rate = 8000
    override val channels = 1
    override val estimatedSamples = saidSeconds * rate

    override fun read(): ShortArray? {
        onRead()
        return if (isRead) null else samples.also { isRead = true }
    }

    override fun close() = Unit
}

class StandInMicrophone(private val onRead: () -> Unit = {}) : Microphone {
    var isClosed = false
    override val rate = 8000

    override fun read(): ShortArray {
        onRead()
        return ShortArray(800) { (if (it % 2 == 0) 8000 else -8000).toShort() }
    }

    override fun close() {
        isClosed = true
    }
}

/** A last result of the application, by a network that echoes. */
fun makeResult(
    recording: Recording = StandInRecording(),
    wanted: Processor = Processor.CPU_2,
    engines: EngineOpener = echoes,
): Result {
    val demo = testedDemo
    val opened = engines.open(demo.models.load(SHIPPED), wanted)
    val facts = { Facts.of(SHIPPED, wanted, opened, 42) }
    val separation = FileSeparation(opened.engine, { Long.MAX_VALUE }, facts)
    return separation.run(recording, File(demo.resultsFolder, "a result")).also(demo::keepOnly)
}

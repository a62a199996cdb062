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
    return ModelStore({ listOf(SHIPPED, STEPS) }) { if (it == STEPS) stepModel() else shipped.takeIf { _ -> it == SHIPPED } }
}

fun stepModel() = redescribed { put("segment", 128).put("lag", 32).put("states", JSONArray()) }

/** Says that it is a model of songs, in segments of 384 samples. */
fun songModel() = redescribed {
    put("segment", 384).put("hop", 64).put("sources", JSONArray(listOf("vocals", "backing")))
    put("spectrogram", JSONObject().put("kernel", 256).put("bins", 96).put("masks", "sigmoid"))
}

/** A model that ships, which says something else about itself; one with states has room for it. */
fun redescribed(change: JSONObject.() -> Unit): ByteArray {
    val shipped = testedDemo.assets.open("two-voices-stream.tflite").use { it.readBytes() }
    val text = String(shipped, 0, shipped.size - SEAL_BYTES, Charsets.ISO_8859_1)
    val start = text.lastIndexOf('{', text.indexOf("\"sample_rate\""))
    val end = text.indexOf('}', start) + 1
    val description = JSONObject(text.substring(start, end)).put("network", "net")
    listOf("lag", "states").forEach(description::remove)
    description.change()
    val model = text.replaceRange(start, end, description.toString().padEnd(end - start)).toByteArray(Charsets.ISO_8859_1)
    check(model.size == text.length) { "the description of the stand-in is too long" }
    return model + "fqss-tf sha256: ".toByteArray() + MessageDigest.getInstance("SHA-256").digest(model)
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
        if (description.spectrogram != null) return@List ByteArray(description.stageBytes) // masks that are all alike
        val plane = ByteArray(description.segment) { (gain * mixture[it * description.inputStages + stage]).toByte() }
        List(description.sources.size) { plane }.reduce(ByteArray::plus)
    }

    override fun close() = Unit
}

val echoes = EngineOpener { model, _ -> EchoRunner(model.description) }

/** A recording that says it lasts [saidSeconds] and gives [samples]. */
class StandInRecording(
    private val samples: ShortArray = ShortArray(20_000) { (it % 2000).toShort() },
    override val channels: Int = 1,
    saidSeconds: Long = samples.size / 8000L / channels,
    private val onRead: () -> Unit = {},
) : Recording {
    private var isRead = false
    override val rate = 8000
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
    model: String = SHIPPED,
    name: String = "a result",
): Result {
    val demo = testedDemo
    val opened = engines.open(demo.models.load(model), wanted)
    val facts = { Facts.of(model, wanted, opened, 42) }
    val separation = FileSeparation(opened.engine, { Long.MAX_VALUE }, facts)
    return separation.run(recording, File(demo.resultsFolder, name)).also(demo::keepOnly)
}

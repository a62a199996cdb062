package org.fqss.demo

import android.os.Build
import org.fqss.core.SeparationException
import org.fqss.core.TensorRunner
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.gpu.CompatibilityList
import org.tensorflow.lite.gpu.GpuDelegate
import org.tensorflow.lite.nnapi.NnApiDelegate
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** A model in TensorFlow Lite's interpreter. */
class LiteRtRunner(private val model: Model, processor: Processor) : TensorRunner {
    private val delegate: Delegate? = delegate(processor)
    private val interpreter: Interpreter
    private val input: ByteBuffer
    private val outputs: Map<String, ByteBuffer>

    init {
        val description = model.description
        val options = Interpreter.Options().apply {
            numThreads = processor.threads
            useXNNPACK = processor.isCpu
            delegate?.let(::addDelegate)
        }
        interpreter = try {
            Interpreter(direct(model.content.size).put(model.content), options)
        } catch (error: Throwable) {
            delegate?.close()
            throw error
        }
        input = direct(description.segment * description.inputStages)
        outputs = (0 until description.outputStages).associate {
            "stage_$it" to direct(description.sources.size * description.segment)
        }
    }

    override fun run(mixture: ByteArray): List<ByteArray> {
        rewind(input)
        input.put(mixture)
        rewind(input)
        outputs.values.forEach(::rewind)
        interpreter.runSignature(mapOf<String, Any>("mixture" to input), outputs, "serving_default")
        return outputs.values.map { output ->
            rewind(output)
            ByteArray(output.capacity()).also(output::get)
        }
    }

    override fun close() {
        interpreter.close()
        delegate?.close()
    }

    /** By Buffer's method: before Android 9 ByteBuffer has none of its own. */
    private fun rewind(buffer: Buffer) {
        buffer.rewind()
    }

    private fun direct(bytes: Int) = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

    private fun delegate(processor: Processor): Delegate? = when (processor) {
        Processor.GPU -> gpu()
        Processor.NNAPI -> nnapi()
        else -> null
    }

    private fun gpu(): Delegate {
        CompatibilityList().use {
            if (!it.isDelegateSupportedOnThisDevice) {
                throw SeparationException("TensorFlow Lite does not support the GPU of this phone")
            }
        }
        return GpuDelegate()
    }

    private fun nnapi(): Delegate {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O_MR1) {
            throw SeparationException("NNAPI needs Android 8.1")
        }
        return NnApiDelegate()
    }
}

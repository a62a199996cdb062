package org.fqss.demo

import android.os.Build
import org.fqss.core.SeparationException
import org.fqss.core.StateTensor
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
    private val stages: Map<String, ByteBuffer>
    private val statesIn: Map<String, ByteBuffer>
    private val statesOut: Map<String, ByteBuffer>
    override val states: List<StateTensor>

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
        try {
            input = direct(description.inputBytes)
            stages = (0 until description.outputStages).associate {
                "stage_$it" to direct(description.stageBytes)
            }
            states = description.states.map {
                val tensor = interpreter.getInputTensorFromSignature(it, SIGNATURE)
                StateTensor(tensor.numBytes(), tensor.quantizationParams().zeroPoint)
            }
            statesIn = stateBuffers()
            statesOut = stateBuffers()
            interpreter.allocateTensors() // without them there are no variables to reset
        } catch (error: Throwable) {
            close()
            throw error
        }
    }

    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> {
        fill(input, mixture)
        statesIn.values.zip(states, ::fill)
        (stages.values + statesOut.values).forEach(::rewind)
        // An LSTM would go on from the segment before.
        if (!model.description.isStep) interpreter.resetVariableTensors()
        interpreter.runSignature(statesIn + mapOf<String, Any>("mixture" to input), stages + statesOut, SIGNATURE)
        statesOut.values.zip(states) { buffer, state -> read(buffer, state) }
        return stages.values.map { stage -> ByteArray(stage.capacity()).also { read(stage, it) } }
    }

    override fun close() {
        interpreter.close()
        delegate?.close()
    }

    /** By Buffer's method: before Android 9 ByteBuffer has none of its own. */
    private fun rewind(buffer: Buffer) {
        buffer.rewind()
    }

    private fun fill(buffer: ByteBuffer, bytes: ByteArray) {
        rewind(buffer)
        buffer.put(bytes)
        rewind(buffer)
    }

    private fun read(buffer: ByteBuffer, bytes: ByteArray) {
        rewind(buffer)
        buffer.get(bytes)
    }

    private fun stateBuffers() = model.description.states.zip(states) { name, state -> name to direct(state.bytes) }.toMap()

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

    private companion object {
        const val SIGNATURE = "serving_default"
    }
}

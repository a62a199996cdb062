package org.fqss.core

import com.sun.jna.Memory
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import org.bytedeco.javacpp.BytePointer
import org.bytedeco.javacpp.Loader
import org.bytedeco.tensorflowlite.TfLiteInterpreter
import org.bytedeco.tensorflowlite.TfLiteModel
import org.bytedeco.tensorflowlite.TfLiteOpaqueDelegateStruct
import org.bytedeco.tensorflowlite.TfLiteSignatureRunner
import org.bytedeco.tensorflowlite.global.tensorflowlite.*
import java.io.File

private const val OK = 0 // kTfLiteOk
private const val OPTIONS_BYTES = 256L // more than TfLiteXNNPackDelegateOptions has
private const val NUM_THREADS_OFFSET = 0L
private const val FLAGS_OFFSET = 4L
private const val FLAG_QS8 = 1

/** The bytes of a model that ships, such as `voice`. */
internal fun shipped(name: String) = File(System.getProperty("models"), "$name.tflite").readBytes()

/** TensorFlow Lite by its C API on this computer, with XNNPACK for int8 as on a phone and in Python. */
internal class HostRunner(content: ByteArray, private val description: ModelDescription) : TensorRunner {
    private val bytes = BytePointer(*content) // the model reads from it as long as it lives
    private val model: TfLiteModel = TfLiteModelCreate(bytes, content.size.toLong())
    private val interpreter: TfLiteInterpreter = TfLiteInterpreterCreate(model, optionsWithXnnpack())
    private val signature: TfLiteSignatureRunner =
        TfLiteInterpreterGetSignatureRunner(interpreter, "serving_default")

    init {
        check(TfLiteSignatureRunnerAllocateTensors(signature) == OK)
    }

    override val states = description.states.map {
        val tensor = TfLiteSignatureRunnerGetInputTensor(signature, it)
        StateTensor(TfLiteTensorByteSize(tensor).toInt(), TfLiteTensorQuantizationParams(tensor).zero_point())
    }

    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> {
        give("mixture", mixture)
        description.states.zip(states, ::give)
        if (!description.isStep) check(TfLiteInterpreterResetVariableTensors(interpreter) == OK)
        check(TfLiteSignatureRunnerInvoke(signature) == OK)
        description.states.zip(states, ::take)
        return List(description.outputStages) { stage ->
            ByteArray(description.stageBytes).also { take("stage_$stage", it) }
        }
    }

    private fun give(input: String, bytes: ByteArray) = BytePointer(*bytes).use {
        val tensor = TfLiteSignatureRunnerGetInputTensor(signature, input)
        check(TfLiteTensorCopyFromBuffer(tensor, it, bytes.size.toLong()) == OK)
    }

    private fun take(output: String, bytes: ByteArray) = BytePointer(bytes.size.toLong()).use {
        val tensor = TfLiteSignatureRunnerGetOutputTensor(signature, output)
        check(TfLiteTensorCopyToBuffer(tensor, it, bytes.size.toLong()) == OK)
        it.get(bytes)
    }

    override fun close() {
        TfLiteSignatureRunnerDelete(signature)
        TfLiteInterpreterDelete(interpreter)
        TfLiteModelDelete(model)
    }

    /** The library of bytedeco leaves int8 out of XNNPACK by default and its Java classes cannot ask for it. */
    private fun optionsWithXnnpack() = TfLiteInterpreterOptionsCreate().also { options ->
        val library = NativeLibrary.getInstance(Loader.load(org.bytedeco.tensorflowlite.global.tensorflowlite::class.java))
        val xnnpackOptions = Memory(OPTIONS_BYTES).apply {
            clear()
            setInt(NUM_THREADS_OFFSET, 1)
            setInt(FLAGS_OFFSET, FLAG_QS8)
        }
        val delegate = library.getFunction("TfLiteXNNPackDelegateCreate").invokePointer(arrayOf<Any>(xnnpackOptions))
        TfLiteInterpreterOptionsAddDelegate(options, TfLiteOpaqueDelegateStruct(ForeignPointer(delegate)))
    }

    private class ForeignPointer(pointer: Pointer) : org.bytedeco.javacpp.Pointer() {
        init {
            address = Pointer.nativeValue(pointer)
        }
    }

    companion object {
        fun engine(content: ByteArray): Engine {
            val description = ModelDescription.read("shipped", content)
            return Engine(description, HostRunner(content, description))
        }
    }
}

package org.fqss.demo

import android.content.Context
import org.fqss.core.Engine
import org.fqss.core.SeparationException
import org.fqss.core.TensorRunner
import kotlin.math.log10
import kotlin.random.Random

/** What a network runs on. */
enum class Processor(val threads: Int) {
    CPU_1(1),
    CPU_2(2),
    CPU_4(4),
    GPU(1),
    NNAPI(1);

    val isCpu get() = this == CPU_1 || this == CPU_2 || this == CPU_4

    fun title(context: Context): String = when (this) {
        CPU_1 -> context.getString(R.string.cpu_thread)
        CPU_2, CPU_4 -> context.getString(R.string.cpu_threads, threads)
        GPU -> context.getString(R.string.gpu)
        NNAPI -> context.getString(R.string.nnapi)
    }
}

/** An engine, on what it runs in the end, and why it does not run on what was wanted; null where it does. */
class OpenedEngine(val engine: Engine, val used: Processor, val refusal: String?, private val timed: TimedRunner) {
    /** Of one segment; null before the first. */
    val meanMilliseconds get() = timed.meanMilliseconds
}

/**
 * Opens models, and goes back to the CPU where another processor refuses or gives other numbers.
 *
 * @param makeRunner makes a runner or throws.
 */
class EngineOpener(private val makeRunner: (Model, Processor) -> TensorRunner) {
    /** @throws SeparationException the CPU refuses too. */
    fun open(model: Model, wanted: Processor): OpenedEngine {
        if (wanted.isCpu) return opened(model, wanted, onCpu(model, wanted), null)
        if (model.description.isStep) return opened(model, FALLBACK, onCpu(model, FALLBACK), TOO_SHORT)
        val refusal = try {
            return opened(model, wanted, checked(makeRunner(model, wanted), model), null)
        } catch (error: Exception) {
            reason(error)
        } catch (error: LinkageError) {
            reason(error)
        }
        return opened(model, FALLBACK, onCpu(model, FALLBACK), refusal)
    }

    private fun opened(model: Model, used: Processor, runner: TensorRunner, refusal: String?): OpenedEngine {
        val timed = TimedRunner(runner)
        return OpenedEngine(Engine(model.description, timed), used, refusal, timed)
    }

    private fun onCpu(model: Model, processor: Processor): TensorRunner = try {
        makeRunner(model, processor)
    } catch (error: SeparationException) {
        throw error
    } catch (error: Exception) {
        throw cannotRun(model, error)
    } catch (error: LinkageError) {
        throw cannotRun(model, error)
    }

    private fun cannotRun(model: Model, error: Throwable) =
        SeparationException("This phone cannot run the model ${model.name}: ${reason(error)}", error)

    private fun reason(error: Throwable) = error.message?.lineSequence()?.first() ?: error.javaClass.simpleName

    /** A processor that computes in half precision may give noise; the CPU says what is right. */
    private fun checked(runner: TensorRunner, model: Model): TensorRunner {
        try {
            val noise = Random(0).nextBytes(model.description.inputBytes)
            val right = onCpu(model, FALLBACK).use { it.run(noise)[0] }
            val decibels = agreementDb(right, runner.run(noise)[0])
            if (decibels >= SMALLEST_AGREEMENT_DB) return runner
            throw SeparationException("its result agrees with that of the CPU by %.0f dB only".format(decibels))
        } catch (error: Throwable) {
            runner.close()
            throw error
        }
    }

    private fun agreementDb(right: ByteArray, found: ByteArray): Double {
        val difference = right.indices.sumOf { square(found[it] - right[it]) }
        return 10 * log10(right.indices.sumOf { square(right[it].toInt()) } / difference)
    }

    private fun square(value: Int) = value.toDouble() * value

    private companion object {
        val FALLBACK = Processor.CPU_2
        const val TOO_SHORT = "the steps of a stream are too short for it"
        const val SMALLEST_AGREEMENT_DB = 15.0
    }
}

/** Measures what a segment takes. */
class TimedRunner(private val runner: TensorRunner) : TensorRunner {
    private var nanoseconds = 0L
    private var runs = 0

    @get:Synchronized
    val meanMilliseconds: Double? get() = if (runs == 0) null else nanoseconds / 1e6 / runs

    override val states get() = runner.states

    override fun run(mixture: ByteArray, states: List<ByteArray>): List<ByteArray> {
        val started = System.nanoTime()
        return runner.run(mixture, states).also { count(System.nanoTime() - started) }
    }

    @Synchronized
    private fun count(elapsed: Long) {
        nanoseconds += elapsed
        runs++
    }

    override fun close() = runner.close()
}

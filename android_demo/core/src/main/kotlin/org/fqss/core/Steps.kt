package org.fqss.core

/**
 * Separates a stream by a step model (fqss_tf.runtime.streaming): a step is computed when it is full, and what comes out
 * before the first sample is dropped. At the end planes of zero follow.
 */
internal class Steps<A>(
    private val type: SampleType<A>,
    private val engine: Engine,
    private val level: StepLevel<A>,
) : SourceStream<A> {
    private val description = engine.description
    private val levelOf = StreamLevel(description.sampleRate / description.segment.toDouble())
    private val none = List(engine.sources) { level.none }
    private var waiting = level.none
    private var given = 0L
    private var returned = 0L
    private var toSkip = description.lag!!

    // Level of each sample whose estimate is still to come.
    private var levels = unity(toSkip)

    override fun push(block: A): List<A> {
        given += type.size(block)
        waiting = type.joined(waiting, block)
        var ready = none
        while (type.size(waiting) >= description.segment) {
            ready = joined(ready, separated(type.cut(waiting, 0, description.segment)))
            waiting = type.cut(waiting, description.segment, type.size(waiting))
        }
        return ready
    }

    override fun finish(): List<A> {
        var ready = none
        while (returned < given) {
            ready = joined(ready, separated(waiting))
            waiting = level.none
        }
        return ready
    }

    private fun separated(samples: A): List<A> {
        val leveled = levelOf.of(level.inSteps(samples))
        levels += leveled.levels + unity(description.segment - leveled.levels.size)
        val mixture = level.planes(leveled, description.inputStages)
        val stages = engine.run(mixture.copyOf(description.segment * description.inputStages))
        val estimates = level.estimates(engine, stages, levels)
        levels = levels.copyOfRange(description.segment, levels.size)
        return withoutEnds(estimates)
    }

    /** Without what came before the first sample, or comes behind the last of the stream. */
    private fun withoutEnds(estimates: List<A>): List<A> {
        val skipped = minOf(toSkip, description.segment)
        toSkip -= skipped
        val kept = minOf((description.segment - skipped).toLong(), given - returned).toInt()
        returned += kept
        return estimates.map { type.cut(it, skipped, skipped + kept) }
    }

    private fun joined(first: List<A>, second: List<A>) = first.zip(second) { a, b -> type.joined(a, b) }

    private fun unity(samples: Int) = DoubleArray(samples) { Pcm.FULL_SCALE.toDouble() }
}

/** How samples of a type are brought to full scale and back. */
internal interface StepLevel<A> {
    val none: A

    /** In 16-bit steps. */
    fun inSteps(samples: A): DoubleArray

    /** int8 [samples, stages] of what its level brings to full scale. */
    fun planes(leveled: Leveled, stages: Int): ByteArray

    /** The estimates at the level of the input, [sources, samples]; [levels] has one for each sample, or more. */
    fun estimates(engine: Engine, stages: List<ByteArray>, levels: DoubleArray): List<A>

    /** In whole numbers throughout, for a model of two planes each way. */
    object Int16 : StepLevel<ShortArray> {
        override val none = ShortArray(0)

        override fun inSteps(samples: ShortArray) = Level.inSteps(samples)

        override fun planes(leveled: Leveled, stages: Int) = Planes.splitInt16(Level.toFullScale(leveled))

        override fun estimates(engine: Engine, stages: List<ByteArray>, levels: DoubleArray) =
            engine.combinedInt16(stages).map { Level.fromFullScale(it, levels) }
    }

    object Float32 : StepLevel<FloatArray> {
        override val none = FloatArray(0)

        override fun inSteps(samples: FloatArray) = Level.inSteps(samples)

        override fun planes(leveled: Leveled, stages: Int) = Planes.split(Level.toFloats(leveled), stages)

        override fun estimates(engine: Engine, stages: List<ByteArray>, levels: DoubleArray) =
            engine.combined(stages).map { Level.fromFloats(it, levels) }
    }
}

package org.fqss.core

/** What chunking asks of a type of samples. [A] is an array of samples; 16-bit samples stay in whole numbers. */
sealed interface SampleType<A> {
    fun size(samples: A): Int

    /** Samples [from] until [until], filled up with zeros to [length]. */
    fun cut(samples: A, from: Int, until: Int, length: Int = until - from): A

    fun joined(first: A, second: A): A

    /** From one to the other, linearly. */
    fun crossFaded(before: A, after: A): A

    /** What each source has apart from the mean of all: float64 [sources, samples]. */
    fun apart(sources: List<A>): List<DoubleArray>

    object Int16 : SampleType<ShortArray> {
        override fun size(samples: ShortArray) = samples.size

        override fun cut(samples: ShortArray, from: Int, until: Int, length: Int) =
            samples.copyOfRange(from, until).copyOf(length)

        override fun joined(first: ShortArray, second: ShortArray) = first + second

        override fun crossFaded(before: ShortArray, after: ShortArray): ShortArray {
            val steps = before.size + 1
            return ShortArray(before.size) {
                val weighted = before[it] * (steps - (it + 1)).toLong() + after[it] * (it + 1).toLong()
                Math.floorDiv(weighted + steps / 2, steps.toLong()).toShort()
            }
        }

        override fun apart(sources: List<ShortArray>): List<DoubleArray> {
            val means = DoubleArray(sources[0].size) { sample ->
                sources.sumOf { it[sample].toInt() } / sources.size.toDouble()
            }
            return sources.map { source -> DoubleArray(source.size) { source[it] - means[it] } }
        }
    }

    object Float32 : SampleType<FloatArray> {
        override fun size(samples: FloatArray) = samples.size

        override fun cut(samples: FloatArray, from: Int, until: Int, length: Int) =
            samples.copyOfRange(from, until).copyOf(length)

        override fun joined(first: FloatArray, second: FloatArray) = first + second

        override fun crossFaded(before: FloatArray, after: FloatArray): FloatArray {
            val steps = (before.size + 1).toFloat()
            return FloatArray(before.size) { before[it] + (it + 1) / steps * (after[it] - before[it]) }
        }

        override fun apart(sources: List<FloatArray>): List<DoubleArray> {
            val means = FloatArray(sources[0].size) { sample ->
                var sum = 0f
                for (source in sources) sum += source[sample]
                sum / sources.size
            }
            return sources.map { source -> DoubleArray(source.size) { source[it].toDouble() - means[it] } }
        }
    }
}

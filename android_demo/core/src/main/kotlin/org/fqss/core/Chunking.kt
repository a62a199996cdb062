package org.fqss.core

/**
 * Separates a recording of any length by a network of one fixed length, as it comes (fqss_tf.runtime.chunking).
 *
 * Neighbouring chunks share [overlap] samples, which are cross-faded. They also tell which source is which, unless
 * sources have names and so their places ([namedSources]). Memory is that of some chunks, whatever the length.
 *
 * @param forward [samples] -> [sources, samples]; it is given a whole segment but at the end.
 */
class Chunking<A>(
    private val type: SampleType<A>,
    private val segment: Int,
    private val overlap: Int,
    private val sources: Int,
    private val namedSources: Boolean = false,
    private val forward: (A) -> List<A>,
) : SourceStream<A> {
    private var waiting: A? = null
    private var tail: List<A>? = null

    init {
        require(overlap in 0 until segment) { "overlap $overlap must be at least 0 and below the segment $segment" }
    }

    override fun push(block: A): List<A> {
        var samples = waiting?.let { type.joined(it, block) } ?: block
        var ready = List(sources) { type.cut(block, 0, 0) }
        while (type.size(samples) >= segment) {
            ready = joined(ready, separated(type.cut(samples, 0, segment)))
            samples = type.cut(samples, segment - overlap, type.size(samples))
        }
        waiting = samples
        return ready
    }

    override fun finish(): List<A> {
        val samples = waiting ?: throw SeparationException("The recording holds no samples.")
        val last = if (tail == null || type.size(samples) > overlap) separated(samples) else null
        val rest = tail!!
        waiting = null
        tail = null
        return if (last == null) rest else joined(last, rest)
    }

    private fun separated(piece: A): List<A> {
        val length = type.size(piece)
        var estimates = forward(piece)
        tail?.let { before ->
            val shared = type.size(before[0])
            val order = if (namedSources) before.indices.toList()
                else SourceOrder.matching(type, before, estimates.map { type.cut(it, 0, shared) })
            estimates = order.mapIndexed { source, from ->
                val after = estimates[from]
                val faded = type.crossFaded(before[source], type.cut(after, 0, shared))
                type.joined(faded, type.cut(after, shared, length))
            }
        }
        val final = maxOf(length - overlap, 0)
        tail = estimates.map { type.cut(it, final, length) }
        return estimates.map { type.cut(it, 0, final) }
    }

    private fun joined(first: List<A>, second: List<A>) = first.zip(second) { a, b -> type.joined(a, b) }

    companion object {
        /** Samples that neighbouring chunks share, for a segment of that many samples. */
        fun defaultOverlap(segment: Int) = segment / 4
    }
}

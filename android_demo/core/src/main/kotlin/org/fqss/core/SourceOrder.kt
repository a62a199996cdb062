package org.fqss.core

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.sqrt

/** Which source of a chunk continues which of the chunk before (fqss_tf.runtime.chunking). */
object SourceOrder {
    private const val PARTS = 20 // of the shared samples, each of which has one vote
    private const val SMALLEST_NORMAL = java.lang.Double.MIN_NORMAL

    /**
     * The order of [after] that fits [before] best: with most short parts of it, not with most of its energy.
     *
     * In each part the correlation of the sources, less what they have in common, is divided by its largest possible
     * value. The middle counts most, by a Hann window: towards its edges a chunk lacks what the network would look at.
     * The first of equal orders wins, which is the unchanged one.
     *
     * @param before,after the samples that both have, [sources, samples].
     */
    fun <A> matching(type: SampleType<A>, before: List<A>, after: List<A>): List<Int> {
        val agreement = agreement(type.apart(before), type.apart(after), max(type.size(before[0]) / PARTS, 1))
        var best = before.indices.toList()
        for (order in permutations(best)) {
            if (agreement.of(order) > agreement.of(best)) best = order
        }
        return best
    }

    /** float64 [sources before, sources after]. */
    private fun agreement(before: List<DoubleArray>, after: List<DoubleArray>, size: Int): Array<DoubleArray> {
        val parts = before[0].size / size
        val total = Array(before.size) { DoubleArray(after.size) }
        for (part in 0 until parts) {
            val samples = part * size until (part + 1) * size
            val largest = sqrt(before.sumOf { energy(it, samples) } * after.sumOf { energy(it, samples) })
            val weight = hann(part + 1, parts + 2) / max(largest, SMALLEST_NORMAL)
            for (i in before.indices) {
                for (j in after.indices) total[i][j] += weight * samples.sumOf { before[i][it] * after[j][it] }
            }
        }
        return total
    }

    private fun Array<DoubleArray>.of(order: List<Int>) = order.withIndex().sumOf { (row, column) -> this[row][column] }

    private fun energy(samples: DoubleArray, range: IntRange) = range.sumOf { samples[it] * samples[it] }

    private fun hann(index: Int, size: Int) = 0.5 - 0.5 * cos(2 * PI * index / (size - 1))

    /** All orders, the unchanged one first. */
    private fun permutations(items: List<Int>): List<List<Int>> =
        if (items.isEmpty()) listOf(emptyList())
        else items.flatMap { first -> permutations(items - first).map { listOf(first) + it } }
}

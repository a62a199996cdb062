package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

private const val SEGMENT = 800
private const val OVERLAP = 200

class ChunkingTest {
    private val mixture = Golden.int16("chunks_mixture")

    @Test
    fun `chunks of 16 bits join into what Python gives, whatever the blocks`() {
        val expected = Golden.int16("chunks_sources").rows(2)
        for (block in listOf(1, 7, 199, 800, 1700, mixture.size)) {
            val chunking = Chunking(SampleType.Int16, SEGMENT, OVERLAP, 2, forward = HalfBands()::int16)
            val found = separated(SampleType.Int16, chunking, mixture, block)
            expected.zip(found).forEach { (a, b) -> assertArrayEquals("blocks of $block", a, b) }
        }
    }

    @Test
    fun `sources with names stay where they are, as in Python`() {
        val chunking = Chunking(SampleType.Int16, SEGMENT, OVERLAP, 2, namedSources = true, HalfBands()::int16)
        val found = separated(SampleType.Int16, chunking, mixture, 640)
        Golden.int16("chunks_named_sources").rows(2).zip(found).forEach { (a, b) -> assertArrayEquals(a, b) }
    }

    @Test
    fun `chunks of floats join into what Python gives, bit for bit`() {
        val expected = Golden.float32("chunks_float_sources").rows(2)
        val chunking = Chunking(SampleType.Float32, SEGMENT, OVERLAP, 2, forward = HalfBands()::float32)
        val found = separated(SampleType.Float32, chunking, Pcm.toFloat(mixture), 333)
        expected.zip(found).forEach { (a, b) -> assertArrayEquals(a, b, 0f) }
    }

    @Test
    fun `a sample is final a segment later`() {
        val chunking = Chunking(SampleType.Int16, SEGMENT, OVERLAP, 2, forward = HalfBands()::int16)
        assertEquals(0, chunking.push(mixture.copyOf(SEGMENT - 1))[0].size)
        assertEquals(SEGMENT - OVERLAP, chunking.push(shortArrayOf(1))[0].size)
    }

    @Test
    fun `as many samples come back as went in, without an overlap too`() {
        for (length in listOf(1, OVERLAP, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - OVERLAP, 3000)) {
            for (overlap in listOf(0, OVERLAP)) {
                val chunking = Chunking(SampleType.Int16, SEGMENT, overlap, 2, forward = HalfBands()::int16)
                val found = separated(SampleType.Int16, chunking, ShortArray(length) { it.toShort() }, 640)
                assertEquals(List(2) { length }, found.map { it.size })
            }
        }
    }

    @Test
    fun `one source goes through as it is`() {
        val chunking = Chunking(SampleType.Int16, SEGMENT, OVERLAP, 1) { listOf(it) }
        val (found) = separated(SampleType.Int16, chunking, mixture, 640)
        assertArrayEquals(mixture, found)
    }

    @Test
    fun `nothing is no recording`() {
        val chunking = Chunking(SampleType.Int16, SEGMENT, OVERLAP, 2, forward = HalfBands()::int16)
        assertThrows(SeparationException::class.java, chunking::finish)
    }

    private fun <A> separated(type: SampleType<A>, chunking: Chunking<A>, mixture: A, block: Int): List<A> {
        val size = type.size(mixture)
        val parts = (0 until size step block).map { chunking.push(type.cut(mixture, it, minOf(it + block, size))) }
        return (parts + listOf(chunking.finish())).reduce { a, b -> a.zip(b) { x, y -> type.joined(x, y) } }
    }
}

/** The stand-in for a network of golden_vectors.py, which changes the order of its sources. */
private class HalfBands {
    private var segments = 0

    fun int16(segment: ShortArray): List<ShortArray> {
        val low = ShortArray(segment.size) { ((segment[it] + (segment.getOrNull(it - 1) ?: 0)) shr 1).toShort() }
        return ordered(listOf(low, ShortArray(segment.size) { (segment[it] - low[it]).toShort() }))
    }

    fun float32(segment: FloatArray): List<FloatArray> {
        val low = FloatArray(segment.size) { 0.5f * (segment[it] + (segment.getOrNull(it - 1) ?: 0f)) }
        return ordered(listOf(low, FloatArray(segment.size) { segment[it] - low[it] }))
    }

    private fun <A> ordered(sources: List<A>) = if (++segments % 2 == 1) sources else sources.reversed()
}

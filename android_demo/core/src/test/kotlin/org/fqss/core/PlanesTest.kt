package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Test

class PlanesTest {
    @Test
    fun `16-bit samples split into the bytes that Python gives`() =
        assertArrayEquals(Golden.int8("planes"), Planes.splitInt16(Golden.int16("samples")))

    @Test
    fun `two planes combine into the samples that Python gives`() {
        val planes = Golden.int8("foreign_planes").column(2)
        assertArrayEquals(Golden.int16("foreign_samples"), Planes.combineInt16(planes[0], planes[1]))
    }

    @Test
    fun `every 16-bit sample survives`() {
        val samples = ShortArray(65536) { (it - 32768).toShort() }
        val planes = Planes.splitInt16(samples).column(2)
        assertArrayEquals(samples, Planes.combineInt16(planes[0], planes[1]))
    }

    @Test
    fun `amplitudes split and combine as in Python, whatever the number of planes`() {
        for (stages in 1..3) {
            val planes = Golden.int8("amplitudes_planes_$stages")
            assertArrayEquals(planes, Planes.split(Golden.float32("amplitudes"), stages))
            assertArrayEquals(
                Golden.float32("amplitudes_combined_$stages"),
                Planes.combine(planes.column(stages)),
                0f,
            )
        }
    }
}

/** int8 [samples, stages], row by row, as one array per stage. */
internal fun ByteArray.column(stages: Int) = List(stages) { stage -> ByteArray(size / stages) { this[it * stages + stage] } }

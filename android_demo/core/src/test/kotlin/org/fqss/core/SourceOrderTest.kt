package org.fqss.core

import org.junit.Assert.assertEquals
import org.junit.Test

class SourceOrderTest {
    @Test
    fun `the orders are those that Python finds`() {
        val cases = Golden.int16("order_cases").rows(4)
        val found = cases.flatMap { case ->
            val (before, after) = case.rows(2)
            SourceOrder.matching(SampleType.Int16, before.rows(3), after.rows(3))
        }
        assertEquals(Golden.int32("orders").toList(), found)
    }

    @Test
    fun `silence leaves the order as it is`() {
        val silence = List(3) { ShortArray(50) }
        assertEquals(listOf(0, 1, 2), SourceOrder.matching(SampleType.Int16, silence, silence))
    }
}

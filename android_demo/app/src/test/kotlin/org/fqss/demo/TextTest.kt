package org.fqss.demo

import org.junit.Assert.assertEquals
import org.junit.Test

class TextTest {
    @Test
    fun `times read as on a clock`() =
        assertEquals(listOf("0:00", "1:15", "59:59", "2:01:15"), listOf(0L, 75, 3599, 7275).map(::clockTime))
}

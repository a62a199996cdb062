package org.fqss.demo

import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class TextTest {
    @Test
    fun `times read as on a clock`() =
        assertEquals(listOf("0:00", "1:15", "59:59", "2:01:15"), listOf(0L, 75, 3599, 7275).map(::clockTime))

    @Test
    fun `voices are numbered, and one alone is speech`() {
        val voices = listOf("speech_1", "speech_2")
        assertEquals(listOf("Voice 1", "Voice 2"), List(2) { sourceTitle(testedDemo, it, voices) })
        assertEquals("Speech", sourceTitle(testedDemo, 0, listOf("speech")))
    }

    @Test
    fun `sources with names are called by them`() =
        assertEquals("Accompaniment", sourceTitle(testedDemo, 1, listOf("vocals", "accompaniment")))
}

package org.fqss.core

import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test
import java.io.File

class MixdownTest {
    private val parent = createTempFolder()
    private val recording = MemoryRecording(ShortArray(2000) { (it - 1000).toShort() }, 8000, 700)
    private val result = FileSeparation(standInEngine(800), { Long.MAX_VALUE }).run(recording, File(parent, "result"))
    private val sources = result.sources.map { source -> WavReader(result.sourceFile(source)).use { it.read(0, 2000) } }
    private val mixdown = Mixdown(result)

    @After
    fun removeFiles() {
        mixdown.close()
        parent.deleteRecursively()
    }

    @Test
    fun `all sources are heard at first, in sync`() =
        assertArrayEquals(ShortArray(2000) { (sources[0][it] + sources[1][it]).toShort() }, mixdown.read(2000))

    @Test
    fun `a muted source is not heard`() {
        mixdown.setMuted(0, true)
        assertArrayEquals(sources[1], mixdown.read(2000))
    }

    @Test
    fun `solo goes before mute and leaves it as it was`() {
        mixdown.setMuted(0, true)
        mixdown.soloSource = 0
        assertArrayEquals(sources[0], mixdown.read(2000))
        mixdown.soloSource = null
        mixdown.position = 0
        assertArrayEquals(sources[1], mixdown.read(2000))
    }

    @Test
    fun `the mixture is heard instead at the same place`() {
        mixdown.read(500)
        mixdown.isMixtureHeard = true
        assertArrayEquals(ShortArray(500) { (it - 500).toShort() }, mixdown.read(500))
        assertEquals(1000L, mixdown.position)
    }

    @Test
    fun `the end gives what is left, then nothing`() {
        mixdown.position = 1990
        assertEquals(10, mixdown.read(100).size)
        assertEquals(0, mixdown.read(100).size)
        mixdown.position = 99_999
        assertEquals(2000L, mixdown.position)
    }
}

package org.fqss.core

import org.junit.Assert.assertArrayEquals
import org.junit.Test

class PcmTest {
    @Test
    fun `samples are little-endian bytes`() {
        assertArrayEquals(byteArrayOf(0x34, 0x12, -1, -1), Pcm.bytes(shortArrayOf(0x1234, -1)))
        assertArrayEquals(shortArrayOf(0x1234, -1), Pcm.samples(byteArrayOf(0x34, 0x12, -1, -1, 7)))
    }

    @Test
    fun `channels are averaged as in Python`() =
        assertArrayEquals(Golden.int16("channels_mono"), Pcm.mono(Golden.int16("channels"), 2))

    @Test
    fun `floats become 16 bits as in Python`() =
        assertArrayEquals(Golden.int16("floats_int16"), Pcm.toInt16(Golden.float32("floats")))

    @Test
    fun `16 bits become floats and back`() {
        val samples = Golden.int16("samples")
        assertArrayEquals(samples, Pcm.toInt16(Pcm.toFloat(samples)))
    }
}

package org.fqss.demo

import android.media.MediaFormat
import android.net.Uri
import org.fqss.core.Pcm
import org.fqss.core.SeparationException
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowMediaExtractor
import org.robolectric.shadows.util.DataSource

@RunWith(RobolectricTestRunner::class)
class MediaRecordingTest {
    private val uri = Uri.parse("content://recordings/1")

    @Test
    fun `the decoder gives the samples, whatever its buffers`() {
        val samples = ShortArray(30_000) { it.toShort() }
        val format = MediaFormat.createAudioFormat("audio/raw", 44100, 2).apply { setLong(MediaFormat.KEY_DURATION, 2_000_000) }
        ShadowMediaExtractor.addTrack(DataSource.toDataSource(testedDemo, uri, null), format, Pcm.bytes(samples))
        MediaRecording(testedDemo, uri).use { recording ->
            assertEquals(44100, recording.rate)
            assertEquals(2, recording.channels)
            assertEquals(88_200L, recording.estimatedSamples)
            val blocks = generateSequence { recording.read() }.toList()
            assertArrayEquals(samples, blocks.reduce(ShortArray::plus))
        }
    }

    @Test
    fun `a file that the phone cannot decode is refused`() {
        val format = MediaFormat().apply { setString(MediaFormat.KEY_MIME, "audio/damaged") } // without a rate
        ShadowMediaExtractor.addTrack(DataSource.toDataSource(testedDemo, uri, null), format, ByteArray(9))
        val error = assertThrows(SeparationException::class.java) { MediaRecording(testedDemo, uri) }
        assertEquals("The phone cannot read this recording: choose another file.", error.message)
    }

    @Test
    fun `a file without sound is refused`() {
        val format = MediaFormat.createVideoFormat("video/avc", 16, 16)
        ShadowMediaExtractor.addTrack(DataSource.toDataSource(testedDemo, uri, null), format, ByteArray(9))
        val error = assertThrows(SeparationException::class.java) { MediaRecording(testedDemo, uri) }
        assertEquals("The file has no sound: choose another one.", error.message)
    }
}

package org.fqss.demo

import android.media.MediaCodec
import android.media.MediaCrypto
import android.media.MediaFormat
import android.net.Uri
import android.view.Surface
import org.fqss.core.Pcm
import org.fqss.core.SeparationException
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowMediaCodec
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
    @Config(shadows = [UnwillingCodec::class])
    fun `a decoder that refuses a file is given back`() {
        UnwillingCodec.isReleased = false
        val format = MediaFormat.createAudioFormat("audio/raw", 44100, 2)
        ShadowMediaExtractor.addTrack(DataSource.toDataSource(testedDemo, uri, null), format, ByteArray(9))
        assertThrows(SeparationException::class.java) { MediaRecording(testedDemo, uri) }
        assertTrue(UnwillingCodec.isReleased)
    }

    @Test
    fun `a file without sound is refused`() {
        val format = MediaFormat.createVideoFormat("video/avc", 16, 16)
        ShadowMediaExtractor.addTrack(DataSource.toDataSource(testedDemo, uri, null), format, ByteArray(9))
        val error = assertThrows(SeparationException::class.java) { MediaRecording(testedDemo, uri) }
        assertEquals("The file has no sound: choose another one.", error.message)
    }

    @Implements(MediaCodec::class)
    class UnwillingCodec : ShadowMediaCodec() {
        @Implementation
        @Suppress("UNUSED_PARAMETER")
        fun configure(format: MediaFormat?, surface: Surface?, crypto: MediaCrypto?, flags: Int): Unit =
            throw IllegalArgumentException("two channels at most")

        @Implementation
        fun release() {
            isReleased = true
        }

        companion object {
            var isReleased = false
        }
    }
}

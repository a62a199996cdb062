package org.fqss.demo

import android.content.Context
import android.media.AudioFormat
import android.media.MediaCodec
import android.media.MediaExtractor
import android.media.MediaFormat
import android.net.Uri
import org.fqss.core.Pcm
import org.fqss.core.Recording
import org.fqss.core.SeparationException
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Any audio that the phone decodes. */
class MediaRecording(context: Context, uri: Uri) : Recording {
    private val extractor = MediaExtractor()
    private val codec: MediaCodec
    private val info = MediaCodec.BufferInfo()
    private var isInputDone = false
    private var isOutputDone = false
    private var isFloat = false
    private var waiting: ShortArray?

    override var rate: Int
        private set
    override var channels: Int
        private set
    override val estimatedSamples: Long?

    init {
        try {
            extractor.setDataSource(context, uri, null)
            val track = (0 until extractor.trackCount)
                .firstOrNull { mime(extractor.getTrackFormat(it)).startsWith("audio/") }
                ?: throw SeparationException("The file has no sound: choose another one.")
            extractor.selectTrack(track)
            val format = extractor.getTrackFormat(track)
            rate = format.getInteger(MediaFormat.KEY_SAMPLE_RATE)
            channels = format.getInteger(MediaFormat.KEY_CHANNEL_COUNT)
            codec = MediaCodec.createDecoderByType(mime(format))
            try {
                codec.configure(format, null, null, 0)
                codec.start()
                // The decoder may give another rate or number of channels than the container says.
                waiting = decoded()
            } catch (error: Exception) {
                codec.release()
                throw error
            }
            val hasDuration = format.containsKey(MediaFormat.KEY_DURATION)
            val microseconds = if (hasDuration) format.getLong(MediaFormat.KEY_DURATION) else 0
            estimatedSamples = (microseconds * rate / 1_000_000).takeIf { it > 0 }
        } catch (error: SeparationException) {
            extractor.release()
            throw error
        } catch (error: Exception) {
            extractor.release()
            throw unreadable(error)
        }
    }

    override fun read(): ShortArray? = try {
        waiting?.also { waiting = null } ?: decoded()
    } catch (error: IllegalStateException) { // of which MediaCodec.CodecException is one
        throw unreadable(error)
    }

    override fun close() {
        codec.release()
        extractor.release()
    }

    private fun decoded(): ShortArray? {
        while (!isOutputDone) {
            if (!isInputDone) feed()
            val index = codec.dequeueOutputBuffer(info, TIMEOUT_MICROSECONDS)
            if (index == MediaCodec.INFO_OUTPUT_FORMAT_CHANGED) take(codec.outputFormat)
            if (index < 0) continue
            val samples = samples(codec.getOutputBuffer(index)!!)
            codec.releaseOutputBuffer(index, false)
            isOutputDone = info.flags and MediaCodec.BUFFER_FLAG_END_OF_STREAM != 0
            if (samples.isNotEmpty()) return samples
        }
        return null
    }

    private fun feed() {
        val index = codec.dequeueInputBuffer(TIMEOUT_MICROSECONDS)
        if (index < 0) return
        val size = extractor.readSampleData(codec.getInputBuffer(index)!!, 0)
        if (size < 0) {
            isInputDone = true
            codec.queueInputBuffer(index, 0, 0, 0, MediaCodec.BUFFER_FLAG_END_OF_STREAM)
        } else {
            codec.queueInputBuffer(index, 0, size, extractor.sampleTime, 0)
            extractor.advance()
        }
    }

    private fun take(format: MediaFormat) {
        rate = format.getInteger(MediaFormat.KEY_SAMPLE_RATE)
        channels = format.getInteger(MediaFormat.KEY_CHANNEL_COUNT)
        isFloat = format.containsKey(MediaFormat.KEY_PCM_ENCODING) &&
            format.getInteger(MediaFormat.KEY_PCM_ENCODING) == AudioFormat.ENCODING_PCM_FLOAT
    }

    private fun samples(buffer: ByteBuffer): ShortArray {
        narrow(buffer)
        val content = buffer.slice().order(ByteOrder.nativeOrder())
        if (!isFloat) return content.asShortBuffer().let { ShortArray(it.remaining()).also(it::get) }
        val floats = content.asFloatBuffer().let { FloatArray(it.remaining()).also(it::get) }
        return Pcm.toInt16(floats)
    }

    /** By Buffer's methods: before Android 9 ByteBuffer has none of its own. */
    private fun narrow(buffer: Buffer) {
        buffer.limit(info.offset + info.size)
        buffer.position(info.offset)
    }

    private fun mime(format: MediaFormat) = format.getString(MediaFormat.KEY_MIME).orEmpty()

    private fun unreadable(cause: Throwable) =
        SeparationException("The phone cannot read this recording: choose another file.", cause)

    private companion object {
        const val TIMEOUT_MICROSECONDS = 10_000L
    }
}

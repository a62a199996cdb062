package org.fqss.demo

import android.annotation.SuppressLint
import android.media.AudioFormat
import android.media.AudioRecord
import android.media.MediaRecorder
import org.fqss.core.SeparationException
import java.io.Closeable

/** Sound as it comes, mono. */
interface Microphone : Closeable {
    val rate: Int

    /** The next samples, after at most a block; null where the phone gives no more. */
    fun read(): ShortArray?
}

/**
 * The microphone of the phone, in blocks of [blockSeconds].
 *
 * @param wantedRate in Hz, if the phone has that, else it is one that every phone has.
 */
class DeviceMicrophone(wantedRate: Int, private val blockSeconds: Double) : Microphone {
    private val record: AudioRecord
    override val rate: Int

    init {
        val opened = listOf(wantedRate, ANY_PHONES_RATE)
            .firstNotNullOfOrNull { rate -> opened(rate)?.let { rate to it } }
            ?: throw SeparationException("The microphone cannot be opened: another app may be recording.")
        rate = opened.first
        record = opened.second
        record.startRecording()
        if (record.recordingState != AudioRecord.RECORDSTATE_RECORDING) {
            record.release()
            throw SeparationException("The microphone cannot be used now: another app may be recording.")
        }
    }

    override fun read(): ShortArray? {
        val block = ShortArray((rate * blockSeconds).toInt())
        val count = record.read(block, 0, block.size)
        return if (count > 0) block.copyOf(count) else null
    }

    override fun close() {
        record.stop()
        record.release()
    }

    @SuppressLint("MissingPermission") // LiveActivity asks before it starts the job.
    private fun opened(rate: Int): AudioRecord? {
        val smallest = AudioRecord.getMinBufferSize(rate, AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT)
        if (smallest <= 0) return null
        val bytes = maxOf(smallest, 2 * rate * BUFFER_SECONDS)
        val record = try {
            AudioRecord(
                MediaRecorder.AudioSource.MIC,
                rate,
                AudioFormat.CHANNEL_IN_MONO,
                AudioFormat.ENCODING_PCM_16BIT,
                bytes,
            )
        } catch (_: IllegalArgumentException) {
            return null
        }
        if (record.state == AudioRecord.STATE_INITIALIZED) return record
        record.release()
        return null
    }

    private companion object {
        const val ANY_PHONES_RATE = 44100
        const val BUFFER_SECONDS = 5 // sound that comes while the network computes
    }
}

package org.fqss.demo

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.media.AudioAttributes
import android.media.AudioFormat
import android.media.AudioManager
import android.media.AudioTrack
import android.os.Handler
import android.os.Looper
import org.fqss.core.Mixdown
import org.fqss.core.Pcm
import kotlin.concurrent.thread

/**
 * Plays a [Mixdown]; stops for calls, other players and pulled-out headphones.
 *
 * @param onChange called on the main thread when playing starts or ends and while it moves on.
 * @param onFailure called on the main thread with the reason.
 */
class Player(
    private val context: Context,
    private val mixdown: Mixdown,
    private val onChange: () -> Unit,
    private val onFailure: (String) -> Unit,
) {
    private val main = Handler(Looper.getMainLooper())
    private val audio = context.getSystemService(Context.AUDIO_SERVICE) as AudioManager
    private val onFocus = AudioManager.OnAudioFocusChangeListener { if (it < 0) pause() }
    private val onNoisy = object : BroadcastReceiver() {
        override fun onReceive(context: Context, intent: Intent) = pause()
    }
    private var worker: Thread? = null

    @Volatile
    var isPlaying = false
        private set

    @Suppress("DEPRECATION") // Android 8 has another call, Android 7 only this one.
    fun play() {
        if (isPlaying) return
        val granted = audio.requestAudioFocus(onFocus, AudioManager.STREAM_MUSIC, AudioManager.AUDIOFOCUS_GAIN)
        if (granted != AudioManager.AUDIOFOCUS_REQUEST_GRANTED) return
        context.registerReceiver(onNoisy, IntentFilter(AudioManager.ACTION_AUDIO_BECOMING_NOISY))
        if (mixdown.position >= mixdown.samples) mixdown.position = 0
        isPlaying = true
        worker = thread { playToTheEnd() }
        onChange()
    }

    @Suppress("DEPRECATION")
    fun pause() {
        if (!isPlaying) return
        isPlaying = false
        worker?.join()
        audio.abandonAudioFocus(onFocus)
        context.unregisterReceiver(onNoisy)
        onChange()
    }

    private fun playToTheEnd() {
        try {
            val track = track()
            try {
                track.play()
                var frames = 0
                while (isPlaying) {
                    val block = Pcm.bytes(mixdown.read(mixdown.rate / BLOCKS_PER_SECOND))
                    if (block.isEmpty() || track.write(block, 0, block.size) < 0) break
                    frames += block.size / frameBytes
                    main.post(onChange)
                }
                if (isPlaying) playOut(track, frames)
            } finally {
                track.release()
            }
        } catch (error: RuntimeException) {
            main.post { onFailure(error.message ?: error.javaClass.simpleName) }
        }
        val ended = Thread.currentThread()
        main.post { if (worker === ended) pause() }
    }

    /** A track that is released drops what it has not played, and one that was stopped tells no position. */
    private fun playOut(track: AudioTrack, frames: Int) {
        val left = (frames - track.playbackHeadPosition).coerceAtLeast(0)
        track.stop()
        val end = System.nanoTime() + minOf(left * 1_000_000_000L / mixdown.rate + MIXER_NANOSECONDS, LONGEST_NANOSECONDS)
        while (isPlaying && System.nanoTime() < end) Thread.sleep(PAUSE_CHECK_MILLISECONDS)
    }

    private val frameBytes get() = Pcm.SAMPLE_BYTES * mixdown.channels

    private fun track(): AudioTrack {
        val isStereo = mixdown.channels == 2
        val channel = if (isStereo) AudioFormat.CHANNEL_OUT_STEREO else AudioFormat.CHANNEL_OUT_MONO
        val encoding = AudioFormat.ENCODING_PCM_16BIT
        val smallest = AudioTrack.getMinBufferSize(mixdown.rate, channel, encoding)
        val format = AudioFormat.Builder()
            .setSampleRate(mixdown.rate)
            .setChannelMask(channel)
            .setEncoding(encoding)
            .build()
        val attributes = AudioAttributes.Builder()
            .setUsage(AudioAttributes.USAGE_MEDIA)
            .setContentType(AudioAttributes.CONTENT_TYPE_SPEECH)
            .build()
        val bytes = maxOf(smallest, frameBytes * mixdown.rate / BLOCKS_PER_SECOND)
        return AudioTrack(attributes, format, bytes, AudioTrack.MODE_STREAM, AudioManager.AUDIO_SESSION_ID_GENERATE)
    }

    private companion object {
        const val BLOCKS_PER_SECOND = 20
        const val MIXER_NANOSECONDS = 50_000_000L // a sound shorter than the buffer begins at the stop only
        const val LONGEST_NANOSECONDS = 2_000_000_000L
        const val PAUSE_CHECK_MILLISECONDS = 10L
    }
}

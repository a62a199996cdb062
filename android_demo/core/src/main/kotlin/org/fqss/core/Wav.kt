package org.fqss.core

import java.io.Closeable
import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val HEADER_BYTES = 44
private const val LARGEST_DATA_BYTES = 0xFFFFFFFFL - HEADER_BYTES

/** A 16-bit WAV file that grows block by block; its header is right once it is closed. */
class WavWriter(file: File, private val rate: Int, private val channels: Int = 1) : Closeable {
    private val output = RandomAccessFile(file, "rw").apply { setLength(0); write(ByteArray(HEADER_BYTES)) }
    private var dataBytes = 0L

    private val frameBytes = channels * Pcm.SAMPLE_BYTES

    /** Samples of all channels, interleaved. */
    fun write(samples: ShortArray) {
        dataBytes += samples.size.toLong() * Pcm.SAMPLE_BYTES
        if (dataBytes > LARGEST_DATA_BYTES) throw SeparationException("The recording does not fit a WAV file of 4 GB.")
        output.write(Pcm.bytes(samples))
    }

    override fun close() = output.use {
        it.seek(0)
        it.write(header())
    }

    private fun header() = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN).apply {
        put("RIFF".toByteArray()).putInt((HEADER_BYTES - 8 + dataBytes).toInt()).put("WAVE".toByteArray())
        put("fmt ".toByteArray()).putInt(16).putShort(1).putShort(channels.toShort())
        putInt(rate).putInt(rate * frameBytes).putShort(frameBytes.toShort()).putShort(16)
        put("data".toByteArray()).putInt(dataBytes.toInt())
    }.array()
}

/** Reads what [WavWriter] wrote, from any position. */
class WavReader(file: File) : Closeable {
    private val input = RandomAccessFile(file, "r")
    val rate: Int
    val channels: Int

    /** Per channel. */
    val samples: Long
    private val frameBytes get() = channels * Pcm.SAMPLE_BYTES

    init {
        val header = ByteArray(HEADER_BYTES)
        if (input.length() < HEADER_BYTES) throw broken(file)
        input.readFully(header)
        val fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN)
        rate = fields.getInt(24)
        channels = fields.getShort(22).toInt()
        if (rate <= 0 || channels <= 0) throw broken(file)
        samples = (fields.getInt(40).toLong() and 0xFFFFFFFFL) / frameBytes
        if (input.length() < HEADER_BYTES + samples * frameBytes) throw broken(file)
    }

    /** At most [count] samples of each channel from [start] on, interleaved; fewer at the end. */
    fun read(start: Long, count: Int): ShortArray {
        val length = (samples - start).coerceIn(0, count.toLong()).toInt()
        val bytes = ByteArray(length * frameBytes)
        input.seek(HEADER_BYTES + start * frameBytes)
        input.readFully(bytes)
        return Pcm.samples(bytes)
    }

    override fun close() = input.close()

    private fun broken(file: File) =
        SeparationException("${file.name} is cut short or damaged: separate the recording again.").also { input.close() }
}

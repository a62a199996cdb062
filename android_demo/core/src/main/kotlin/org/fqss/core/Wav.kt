package org.fqss.core

import java.io.Closeable
import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val HEADER_BYTES = 44
private const val LARGEST_DATA_BYTES = 0xFFFFFFFFL - HEADER_BYTES

/** A mono 16-bit WAV file that grows block by block; its header is right once it is closed. */
class WavWriter(file: File, private val rate: Int) : Closeable {
    private val output = RandomAccessFile(file, "rw").apply { setLength(0); write(ByteArray(HEADER_BYTES)) }
    private var dataBytes = 0L

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
        put("fmt ".toByteArray()).putInt(16).putShort(1).putShort(1)
        putInt(rate).putInt(rate * Pcm.SAMPLE_BYTES).putShort(Pcm.SAMPLE_BYTES.toShort()).putShort(16)
        put("data".toByteArray()).putInt(dataBytes.toInt())
    }.array()
}

/** Reads what [WavWriter] wrote, from any position. */
class WavReader(file: File) : Closeable {
    private val input = RandomAccessFile(file, "r")
    val rate: Int
    val samples: Long

    init {
        val header = ByteArray(HEADER_BYTES)
        if (input.length() < HEADER_BYTES) throw broken(file)
        input.readFully(header)
        val fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN)
        rate = fields.getInt(24)
        samples = (fields.getInt(40).toLong() and 0xFFFFFFFFL) / Pcm.SAMPLE_BYTES
        if (rate <= 0 || input.length() < HEADER_BYTES + samples * Pcm.SAMPLE_BYTES) throw broken(file)
    }

    /** At most [count] samples from [start] on; fewer at the end. */
    fun read(start: Long, count: Int): ShortArray {
        val length = (samples - start).coerceIn(0, count.toLong()).toInt()
        val bytes = ByteArray(length * Pcm.SAMPLE_BYTES)
        input.seek(HEADER_BYTES + start * Pcm.SAMPLE_BYTES)
        input.readFully(bytes)
        return Pcm.samples(bytes)
    }

    override fun close() = input.close()

    private fun broken(file: File) =
        SeparationException("${file.name} is cut short or damaged: separate the recording again.").also { input.close() }
}

package org.fqss.core

import java.nio.file.Files

/** A recording of known samples, [channels] interleaved, in blocks. */
internal class MemoryRecording(
    private val samples: ShortArray,
    override val rate: Int,
    private val block: Int,
    override val channels: Int = 1,
) : Recording {
    private var position = 0
    override val estimatedSamples = samples.size.toLong() / channels

    override fun read(): ShortArray? {
        if (position >= samples.size) return null
        val end = minOf(position + block, samples.size)
        return samples.copyOfRange(position, end).also { position = end }
    }

    override fun close() = Unit
}

internal fun createTempFolder() = Files.createTempDirectory("fqss").toFile()

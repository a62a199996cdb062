package org.fqss.core

import java.io.Closeable

/** A recording that is decoded as it is read: 16 bits, any rate and number of channels. */
interface Recording : Closeable {
    val rate: Int
    val channels: Int

    /** Samples per channel as the container says, an estimate; null where it does not say. */
    val estimatedSamples: Long?

    /** The next samples, interleaved; null at the end. */
    fun read(): ShortArray?
}

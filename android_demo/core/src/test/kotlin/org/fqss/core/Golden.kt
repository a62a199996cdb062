package org.fqss.core

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Numbers that Python gave: android_demo/golden_vectors.py writes them. */
object Golden {
    fun int8(name: String): ByteArray = bytes("$name.i8").array()

    fun int16(name: String): ShortArray = bytes("$name.i16").let { ShortArray(it.limit() / 2) { i -> it.getShort(2 * i) } }

    fun int32(name: String): IntArray = bytes("$name.i32").let { IntArray(it.limit() / 4) { i -> it.getInt(4 * i) } }

    fun float32(name: String): FloatArray =
        bytes("$name.f32").let { FloatArray(it.limit() / 4) { i -> it.getFloat(4 * i) } }

    fun float64(name: String): DoubleArray =
        bytes("$name.f64").let { DoubleArray(it.limit() / 8) { i -> it.getDouble(8 * i) } }

    private fun bytes(file: String): ByteBuffer {
        val stream = checkNotNull(javaClass.getResourceAsStream("/golden/$file")) { "golden/$file is missing" }
        return ByteBuffer.wrap(stream.use { it.readBytes() }).order(ByteOrder.LITTLE_ENDIAN)
    }
}

fun ShortArray.rows(count: Int) = List(count) { copyOfRange(it * size / count, (it + 1) * size / count) }

fun FloatArray.rows(count: Int) = List(count) { copyOfRange(it * size / count, (it + 1) * size / count) }

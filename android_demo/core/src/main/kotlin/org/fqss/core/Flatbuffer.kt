package org.fqss.core

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** As much of the .tflite format as it takes to find a metadata buffer; wrong offsets end in IndexOutOfBounds. */
internal class Flatbuffer private constructor(private val bytes: ByteBuffer) {
    private fun table(position: Int) = Table(position)

    private inner class Table(private val position: Int) {
        private fun field(id: Int): Int? {
            val vtable = position - bytes.getInt(position)
            val entry = 4 + 2 * id
            if (entry >= bytes.getShort(vtable)) return null
            return bytes.getShort(vtable + entry).toInt().takeIf { it != 0 }?.let { position + it }
        }

        private fun target(id: Int) = field(id)?.let { it + bytes.getInt(it) }

        fun int(id: Int) = field(id)?.let(bytes::getInt) ?: 0

        fun tables(id: Int): List<Table> {
            val vector = target(id) ?: return emptyList()
            return List(count(vector)) {
                val entry = vector + 4 + 4 * it
                table(entry + bytes.getInt(entry))
            }
        }

        fun text(id: Int): String? = target(id)?.let { vector ->
            String(ByteArray(count(vector)) { bytes.get(vector + 4 + it) }, Charsets.UTF_8)
        }

        private fun count(vector: Int) = bytes.getInt(vector).also {
            if (it < 0 || it > bytes.limit()) throw IndexOutOfBoundsException("vector at $vector")
        }
    }

    companion object {
        // Field numbers of the tables Model, Metadata and Buffer in TensorFlow's schema.fbs.
        private const val MODEL_BUFFERS = 4
        private const val MODEL_METADATA = 6
        private const val METADATA_NAME = 0
        private const val METADATA_BUFFER = 1
        private const val BUFFER_DATA = 0

        /** The text of the metadata buffer of that name, or null where the model has none. */
        fun metadata(model: ByteArray, name: String): String? {
            val bytes = ByteBuffer.wrap(model).order(ByteOrder.LITTLE_ENDIAN)
            val root = Flatbuffer(bytes).table(bytes.getInt(0))
            val entry = root.tables(MODEL_METADATA).firstOrNull { it.text(METADATA_NAME) == name } ?: return null
            return root.tables(MODEL_BUFFERS)[entry.int(METADATA_BUFFER)].text(BUFFER_DATA)
        }
    }
}

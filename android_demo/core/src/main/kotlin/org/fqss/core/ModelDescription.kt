package org.fqss.core

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import java.security.MessageDigest

/**
 * What a .tflite file of fqss-tf says about itself; lengths in samples, rates in Hz (fqss_tf.tflite.metadata).
 *
 * @param lag by which the output of a step model comes after its input; null for a model of whole segments.
 * @param states names of the tensors that a step model gives and wants back with the next step.
 */
data class ModelDescription(
    val sampleRate: Int,
    val segment: Int,
    val sources: List<String>,
    val inputStages: Int,
    val outputStages: Int,
    val type: String,
    val method: String,
    val network: String,
    val lag: Int? = null,
    val states: List<String> = emptyList(),
) {
    /** Whether it takes a stream step by step; each step is then a [segment]. */
    val isStep get() = lag != null

    /** Samples from the arrival of a sound until it is separated, but for computing time. */
    val latency get() = segment + (lag ?: 0)

    /** Whether each output has its source; `speech_1` and `speech_2` may change places. */
    val hasNamedSources get() = !sources.all(UNNAMED_SOURCE::matches)

    companion object {
        private val UNNAMED_SOURCE = Regex("speech(_\\d+)?")
        private const val FORMAT = 1
        private const val METADATA_NAME = "fqss"
        private const val RUNNABLE_TYPE = "int8"
        private val SEAL_MARK = "fqss-tf sha256: ".toByteArray()
        private const val CHECKSUM_BYTES = 32

        /**
         * Checks that a model file is whole and reads its description.
         *
         * @param name what an error message calls the file.
         * @throws SeparationException damaged, not of fqss-tf, or of a type that the app does not run.
         */
        fun read(name: String, content: ByteArray): ModelDescription {
            if (!hasRightSeal(content)) throw damaged(name)
            val json = try {
                Flatbuffer.metadata(content, METADATA_NAME)
            } catch (error: IndexOutOfBoundsException) {
                throw damaged(name, error)
            } ?: throw SeparationException("The model $name is not an fqss-tf model: convert it with fqss-tf.")
            return try {
                parsed(name, JSONObject(json))
            } catch (error: JSONException) {
                throw unknown(name, error)
            }
        }

        private fun parsed(name: String, values: JSONObject): ModelDescription {
            if (values.getInt("format") != FORMAT) throw unknown(name)
            val type = values.getString("type")
            if (type != RUNNABLE_TYPE) {
                throw SeparationException("The model $name is of type $type, this app runs $RUNNABLE_TYPE: convert it so.")
            }
            return ModelDescription(
                sampleRate = values.count("sample_rate"),
                segment = values.count("segment"),
                sources = values.getJSONArray("sources").texts(),
                inputStages = values.count("input_stages"),
                outputStages = values.count("output_stages"),
                type = type,
                method = values.getString("method"),
                network = values.getString("network"),
                lag = if (values.has("lag")) values.getInt("lag") else null,
                states = values.optJSONArray("states")?.texts().orEmpty(),
            )
        }

        private fun JSONArray.texts() = List(length()) { getString(it) }

        private fun JSONObject.count(key: String): Int =
            getInt(key).also { if (it <= 0) throw JSONException("$key is $it") }

        /** Behind the model lies the SHA-256 of all before the mark (fqss_tf.runtime.seal). */
        private fun hasRightSeal(content: ByteArray): Boolean {
            val mark = content.size - CHECKSUM_BYTES - SEAL_MARK.size
            if (mark < 0 || !content.copyOfRange(mark, mark + SEAL_MARK.size).contentEquals(SEAL_MARK)) return false
            val checksum = MessageDigest.getInstance("SHA-256").digest(content.copyOf(mark))
            return checksum.contentEquals(content.copyOfRange(mark + SEAL_MARK.size, content.size))
        }

        private fun unknown(name: String, cause: Throwable? = null) =
            SeparationException("The model $name is of a kind that this app does not know: update the app.", cause)

        private fun damaged(name: String, cause: Throwable? = null) =
            SeparationException("The model $name is cut short or damaged: install the app anew.", cause)
    }
}

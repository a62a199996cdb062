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
 * @param spectrogram what a model over spectrograms hears; null for a model over samples.
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
    val spectrogram: SpectrogramForm? = null,
) {
    /** Whether it takes a stream step by step; each step is then a [segment]. */
    val isStep get() = lag != null

    /** Samples from the arrival of a sound until it is separated, but for computing time. */
    val latency get() = segment + (lag ?: 0)

    /** Whether each output has its source; `speech_1` and `speech_2` may change places. */
    val hasNamedSources get() = areNamed(sources)

    /** Of the input of one run, all its stages. */
    val inputBytes get() = inputStages * (spectrogram?.pixels ?: segment)

    /** Of one output stage of one run. */
    val stageBytes get() = sources.size * (spectrogram?.pixels ?: segment)

    companion object {
        private val UNNAMED_SOURCE = Regex("speech(_\\d+)?")
        private const val FORMAT = 1
        private const val METADATA_NAME = "fqss"
        private const val RUNNABLE_TYPE = "int8"
        private val SEAL_MARK = "fqss-tf sha256: ".toByteArray()
        private const val CHECKSUM_BYTES = 32

        /** Whether sources are more than `speech_1` and `speech_2`. */
        fun areNamed(sources: List<String>) = !sources.all(UNNAMED_SOURCE::matches)

        /**
         * Checks that a model file is whole and reads its description.
         *
         * @param name what an error message calls the file.
         * @param remedy what to do about a damaged file.
         * @throws SeparationException damaged, not of fqss-tf, or of a type that the app does not run.
         */
        fun read(name: String, content: ByteArray, remedy: String = "install the app anew"): ModelDescription {
            if (!hasRightSeal(content)) throw damaged(name, remedy)
            val json = try {
                Flatbuffer.metadata(content, METADATA_NAME)
            } catch (error: IndexOutOfBoundsException) {
                throw damaged(name, remedy, error)
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
            if (values.has("transform")) throw notRun(name, "hears a waveform and a spectrogram at once, as HTDemucs does")
            if (values.optInt("channels", 1) != 1) throw notRun(name, "takes waveforms of two channels")
            return ModelDescription(
                sampleRate = values.count("sample_rate"),
                segment = values.count("segment"),
                sources = values.getJSONArray("sources").texts().onEach(::checkFileName),
                inputStages = values.count("input_stages"),
                outputStages = values.count("output_stages"),
                type = type,
                method = values.getString("method"),
                network = values.getString("network"),
                lag = if (values.has("lag")) values.getInt("lag") else null,
                states = values.optJSONArray("states")?.texts().orEmpty(),
                spectrogram = if (values.has("spectrogram")) values.form() else null,
            )
        }

        /** @throws JSONException sizes that are not those of an STFT which the app can do, or unknown masks. */
        private fun JSONObject.form(): SpectrogramForm {
            val values = getJSONObject("spectrogram")
            val hop = count("hop")
            val masks = values.getString("masks")
            val form = SpectrogramForm(
                kernel = values.count("kernel"),
                bins = values.count("bins"),
                frames = count("segment") / hop,
                masks = SpectrogramForm.Masks.values().firstOrNull { it.name.lowercase() == masks }
                    ?: throw JSONException("the masks are $masks"),
            )
            val isStft = form.hop == hop && Integer.bitCount(form.kernel) == 1 && form.bins <= form.kernel / 2
            val isEven = form.bins % 2 == 0 && count("segment") % (2 * hop) == 0
            if (!isStft || !isEven) throw JSONException("the spectrogram is $form")
            return form
        }

        /** Sources become parts of file names, so none may lead to another folder. */
        private fun checkFileName(source: String) {
            if (source.isEmpty() || source.any { it in "/\\" || it.isISOControl() }) throw JSONException("a source is $source")
        }

        private fun JSONArray.texts() = List(length()) { getString(it) }

        private fun JSONObject.count(key: String): Int =
            getInt(key).also { if (it <= 0) throw JSONException("$key is $it") }

        /** Behind the model lies the SHA-256 of all before the mark (fqss_tf.runtime.seal). */
        private fun hasRightSeal(content: ByteArray): Boolean {
            val mark = content.size - CHECKSUM_BYTES - SEAL_MARK.size
            if (mark < 0 || !content.copyOfRange(mark, mark + SEAL_MARK.size).contentEquals(SEAL_MARK)) return false
            val checksum = MessageDigest.getInstance("SHA-256").apply { update(content, 0, mark) }.digest()
            return checksum.contentEquals(content.copyOfRange(mark + SEAL_MARK.size, content.size))
        }

        private fun unknown(name: String, cause: Throwable? = null) =
            SeparationException("The model $name is of a kind that this app does not know: update the app.", cause)

        private fun notRun(name: String, what: String) =
            SeparationException("The model $name $what, and this app runs no such model: choose another one.")

        private fun damaged(name: String, remedy: String, cause: Throwable? = null) =
            SeparationException("The model $name is cut short or damaged: $remedy.", cause)
    }
}

package org.fqss.demo

import android.content.res.AssetManager
import org.fqss.core.ModelDescription
import org.fqss.core.SeparationException
import org.json.JSONException
import org.json.JSONObject
import java.io.IOException

/** A model that lies in the assets: the .tflite, and the .json beside it, which says how well it was converted. */
class Model(val name: String, val description: ModelDescription, val content: ByteArray, val fidelityDb: Double?)

/**
 * The models of the app.
 *
 * @param files names of all files.
 * @param read the bytes of one, or null where there is none.
 */
class ModelStore(private val files: () -> List<String>, private val read: (String) -> ByteArray?) {
    private val areSteps = HashMap<String, Boolean>()

    /** Names of the models for recordings: what is taken where nothing is chosen, then the others by the alphabet. */
    fun names(): List<String> = all().filterNot(::isStep)

    /** Name of the first model for streams, if there is one. */
    fun stepName(): String? = all().firstOrNull(::isStep)

    /** @throws SeparationException the file is missing or damaged. */
    fun load(name: String): Model {
        val content = read(name) ?: throw SeparationException("The model $name is missing: install the app anew.")
        return Model(name, ModelDescription.read(name, content), content, fidelity(name.removeSuffix(SUFFIX)))
    }

    private fun all() = files().filter { it.endsWith(SUFFIX) }.sorted().sortedBy { it !in DEFAULTS }

    /** What is damaged stays among the models for recordings, where it can be seen. */
    @Synchronized
    private fun isStep(name: String) = areSteps.getOrPut(name) {
        try {
            load(name).description.isStep
        } catch (_: SeparationException) {
            false
        }
    }

    private fun fidelity(stem: String): Double? = try {
        read("$stem.json")?.let {
            JSONObject(String(it)).getJSONObject("parity").getJSONObject("xnnpack").getDouble("sqnr_db")
        }
    } catch (_: JSONException) {
        null // the card has a line less
    }

    companion object {
        private const val SUFFIX = ".tflite"
        private val DEFAULTS = setOf("voice.tflite", "voice-stream.tflite")

        fun of(assets: AssetManager) = ModelStore({ assets.list("").orEmpty().toList() }) { file ->
            try {
                assets.open(file).use { it.readBytes() }
            } catch (_: IOException) {
                null
            }
        }
    }
}

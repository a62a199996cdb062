package org.fqss.demo

import android.content.Context
import org.fqss.core.ModelDescription
import org.fqss.core.SeparationException
import org.json.JSONException
import org.json.JSONObject
import java.io.File
import java.io.IOException

/** A model: the .tflite, and of one that ships the .json beside it, which says how well it was converted. */
class Model(val name: String, val description: ModelDescription, val content: ByteArray, val fidelityDb: Double?)

/**
 * The models of the app, and those that the person added.
 *
 * @param files names of all files of the app.
 * @param added the folder of what was added; null for none.
 * @param read the bytes of a file of the app, or null where there is none.
 */
class ModelStore(
    private val files: () -> List<String>,
    private val added: File? = null,
    private val read: (String) -> ByteArray?,
) {
    private val areSteps = HashMap<String, Boolean>()

    /** Names of the models for recordings: what is taken where nothing is chosen, then the others by the alphabet. */
    fun names(): List<String> = all().filterNot(::isStep)

    /** Name of the first model for streams, if there is one. */
    fun stepName(): String? = all().firstOrNull(::isStep)

    /** @throws SeparationException the file is missing or damaged. */
    fun load(name: String): Model {
        read(name)?.let {
            return Model(name, ModelDescription.read(name, it), it, fidelity(name.removeSuffix(SUFFIX)))
        }
        val content = try {
            added?.let { File(it, name).readBytes() }
        } catch (_: IOException) {
            null
        } ?: throw SeparationException("The model $name is missing: install the app anew.")
        return Model(name, ModelDescription.read(name, content, REMEDY), content, fidelityDb = null)
    }

    /**
     * Keeps a model for recordings that the person chose, instead of one that was added by the same name.
     *
     * @return the name by which it is loaded.
     * @throws SeparationException this app does not run it, or has a model of this name itself.
     */
    fun add(fileName: String, content: ByteArray): String {
        val name = File(fileName).name.removeSuffix(SUFFIX) + SUFFIX
        if (name in files()) throw SeparationException("The app has a model $name itself: rename the file.")
        if (ModelDescription.read(name, content, REMEDY).isStep) {
            throw SeparationException("The model $name is for streams: add one for recordings.")
        }
        val folder = checkNotNull(added) { "no folder for models" }
        val unfinished = File(folder, "$name.part")
        try {
            folder.mkdirs()
            unfinished.writeBytes(content)
            if (!unfinished.renameTo(File(folder, name))) throw IOException("cannot rename ${unfinished.name}")
        } catch (error: IOException) {
            throw SeparationException("Cannot keep the model: ${error.message}. Free some storage and try again.", error)
        } finally {
            unfinished.delete()
        }
        return name
    }

    private fun all() =
        (files() + added?.list().orEmpty()).filter { it.endsWith(SUFFIX) }.sorted().sortedBy { it !in DEFAULTS }

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
        private const val REMEDY = "convert it with fqss-tf, and copy the file anew"
        private val DEFAULTS = setOf("voice.tflite", "voice-stream.tflite")

        fun of(context: Context) =
            ModelStore({ context.assets.list("").orEmpty().toList() }, File(context.filesDir, "models")) { file ->
                try {
                    context.assets.open(file).use { it.readBytes() }
                } catch (_: IOException) {
                    null
                }
            }
    }
}

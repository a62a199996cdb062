package org.fqss.demo

import android.net.Uri
import android.provider.OpenableColumns
import org.fqss.core.SeparationException
import java.io.IOException

sealed interface ModelState {
    object Idle : ModelState

    object Adding : ModelState

    class Added(val name: String) : ModelState

    class Failed(val message: String) : ModelState
}

/** Adds a model file that was chosen, and chooses it. */
class ModelJob(private val demo: DemoApplication) : Job<ModelState>(ModelState.Idle) {
    fun start(uri: Uri) = start(ModelState.Adding, ModelState::Failed, ModelState.Idle) {
        val name = demo.models.add(fileName(uri), content(uri))
        demo.settings.model = name
        show(ModelState.Added(name))
    }

    private fun content(uri: Uri): ByteArray = try {
        demo.contentResolver.openInputStream(uri)?.use { it.readBytes() } ?: throw IOException("nobody provides it")
    } catch (error: IOException) {
        throw SeparationException("The phone cannot read this file: ${error.message}", error)
    }

    private fun fileName(uri: Uri): String {
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME)
        val told = demo.contentResolver.query(uri, columns, null, null, null)?.use {
            if (it.moveToFirst()) it.getString(0) else null
        }
        return told ?: uri.lastPathSegment ?: "model"
    }
}

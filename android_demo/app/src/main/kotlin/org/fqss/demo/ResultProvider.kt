package org.fqss.demo

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/** Lets other apps read the WAV files of results that the person shares with them, and nothing else. */
class ResultProvider : ContentProvider() {
    override fun onCreate() = true

    override fun getType(uri: Uri) = MIME_TYPE

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (mode != "r") throw SecurityException("results are read-only")
        return ParcelFileDescriptor.open(file(uri), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val file = file(uri)
        val columns = projection ?: arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        return MatrixCursor(columns).apply {
            addRow(
                columns.map {
                    when (it) {
                        OpenableColumns.DISPLAY_NAME -> file.name
                        OpenableColumns.SIZE -> file.length()
                        else -> null
                    }
                },
            )
        }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?) = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?) = 0

    private fun file(uri: Uri): File {
        val folder = context!!.demo.resultsFolder.canonicalFile
        val file = File(folder, uri.path.orEmpty()).canonicalFile
        if (!file.path.startsWith(folder.path + File.separator) || !file.isFile || file.extension != "wav") {
            throw FileNotFoundException(uri.toString())
        }
        return file
    }

    companion object {
        const val MIME_TYPE = "audio/wav"
        private const val AUTHORITY = "org.fqss.demo.results"

        fun uri(file: File): Uri = Uri.Builder().scheme("content").authority(AUTHORITY)
            .appendPath(file.parentFile!!.name).appendPath(file.name).build()
    }
}

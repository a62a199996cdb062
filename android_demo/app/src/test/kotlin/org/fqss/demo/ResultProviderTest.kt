package org.fqss.demo

import android.net.Uri
import android.provider.OpenableColumns
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import java.io.File
import java.io.FileNotFoundException

@RunWith(RobolectricTestRunner::class)
class ResultProviderTest {
    private val provider by lazy { Robolectric.setupContentProvider(ResultProvider::class.java) }

    @Test
    fun `a shared source has its name and size and can be read`() {
        val file = makeResult().sourceFile("speech_1")
        val uri = ResultProvider.uri(file)
        provider.query(uri, null, null, null, null).use {
            assertTrue(it.moveToFirst())
            assertEquals(file.name, it.getString(it.getColumnIndex(OpenableColumns.DISPLAY_NAME)))
            assertEquals(file.length(), it.getLong(it.getColumnIndex(OpenableColumns.SIZE)))
        }
        provider.openFile(uri, "r").use { assertEquals(file.length(), it.statSize) }
        assertThrows(SecurityException::class.java) { provider.openFile(uri, "w") }
    }

    @Test
    fun `other files of the app stay its own`() {
        makeResult()
        File(testedDemo.filesDir, "secret.wav").writeText("secret")
        val addresses = listOf("a result/result.properties", "../secret.wav", "a result/../../secret.wav", "", "none.wav")
        for (address in addresses) {
            val uri = Uri.parse("content://org.fqss.demo.results/${Uri.encode(address, "/")}")
            assertThrows(address, FileNotFoundException::class.java) { provider.openFile(uri, "r") }
        }
    }
}

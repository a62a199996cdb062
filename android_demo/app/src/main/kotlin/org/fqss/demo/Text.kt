package org.fqss.demo

import android.content.Context
import android.view.View
import android.widget.TextView
import org.fqss.core.ModelDescription

/** 75 -> "1:15", 7275 -> "2:01:15". */
fun clockTime(seconds: Long): String {
    val minutesAndSeconds = "%02d:%02d".format(seconds / 60 % 60, seconds % 60)
    return if (seconds >= 3600) "${seconds / 3600}:$minutesAndSeconds" else minutesAndSeconds.removePrefix("0")
}

/** What source number [source] of the [names] is called: by its own name, or else the only one is speech without noise. */
fun sourceTitle(context: Context, source: Int, names: List<String>): String = when {
    ModelDescription.areNamed(names) -> names[source].replaceFirstChar(Char::uppercaseChar)
    names.size == 1 -> context.getString(R.string.speech)
    else -> context.getString(R.string.voice, source + 1)
}

/** Shows a line, or takes it away. */
fun TextView.showMessage(message: String?) {
    text = message
    visibility = if (message.isNullOrEmpty()) View.GONE else View.VISIBLE
}

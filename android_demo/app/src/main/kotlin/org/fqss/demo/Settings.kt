package org.fqss.demo

import android.content.Context

/** What the person chose, kept when the app ends. */
class Settings(context: Context) {
    private val preferences = context.getSharedPreferences("settings", Context.MODE_PRIVATE)

    /** File name of the model; null before a choice. */
    var model: String?
        get() = preferences.getString("model", null)
        set(value) = preferences.edit().putString("model", value).apply()

    var processor: Processor
        get() = Processor.values().firstOrNull { it.name == preferences.getString("processor", null) } ?: Processor.CPU_2
        set(value) = preferences.edit().putString("processor", value.name).apply()

    /** Name of the folder of the last result. */
    var lastResult: String?
        get() = preferences.getString("last_result", null)
        set(value) = preferences.edit().putString("last_result", value).apply()
}

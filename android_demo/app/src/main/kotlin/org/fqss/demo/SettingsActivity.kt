package org.fqss.demo

import android.app.Activity
import android.os.Bundle
import android.view.View
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.TextView
import org.fqss.core.SeparationException

/** Which model, and what it runs on. */
class SettingsActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.activity_settings)
        val settings = demo.settings
        val names = demo.models.names()
        if (names.isEmpty()) view<TextView>(R.id.message).showMessage(getString(R.string.no_models))
        else fill(R.id.models, names, demo.chosenModelName(), ::card) { settings.model = it }
        fill(R.id.processors, Processor.values().toList(), settings.processor, { it.title(this) }) {
            settings.processor = it
        }
    }

    private fun <T> fill(group: Int, choices: List<T>, chosen: T, title: (T) -> String, choose: (T) -> Unit) {
        val radioGroup = view<RadioGroup>(group)
        for (choice in choices) {
            val button = RadioButton(this).apply {
                id = View.generateViewId()
                text = title(choice)
                minHeight = resources.getDimensionPixelSize(R.dimen.touch_target)
            }
            radioGroup.addView(button)
            if (choice == chosen) radioGroup.check(button.id)
            button.setOnClickListener { choose(choice) }
        }
    }

    private fun card(name: String): String {
        val model = try {
            demo.models.load(name)
        } catch (error: SeparationException) {
            return error.message!!
        }
        val description = model.description
        val card = getString(
            R.string.model_card,
            name,
            description.network,
            description.type,
            resources.getQuantityString(R.plurals.sources, description.sources.size, description.sources.size),
            description.sampleRate,
            "%.1f".format(description.segment / description.sampleRate.toDouble()),
            "%.1f".format(model.content.size / 1e6),
        )
        return card + model.fidelityDb?.let { getString(R.string.model_card_fidelity, "%.0f".format(it)) }.orEmpty()
    }
}

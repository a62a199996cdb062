package org.fqss.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.TextView
import org.fqss.core.ModelDescription
import org.fqss.core.SeparationException

/** Which model, and what it runs on. */
class SettingsActivity : Activity() {
    private val job get() = demo.modelJob
    private val message by lazy { view<TextView>(R.id.message) }
    private val add by lazy { view<Button>(R.id.add_model) }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.activity_settings)
        add.setOnClickListener { chooseFile() }
        val settings = demo.settings
        fillModels()
        fill(R.id.processors, Processor.values().toList(), settings.processor, { it.title(this) }) {
            settings.processor = it
        }
    }

    override fun onStart() {
        super.onStart()
        job.listener = ::show
        // The button still says what was done when the screen was left.
        if (job.isRunning || !add.isEnabled) show(job.state)
    }

    override fun onStop() {
        job.listener = null
        super.onStop()
    }

    @Deprecated("of the framework; its successor is in a library that this app does without")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data
        if (request == CHOOSE_FILE && result == RESULT_OK && uri != null && !job.isRunning) job.start(uri)
    }

    private fun chooseFile() {
        // Phones know no type of a .tflite file.
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*")
        try {
            startActivityForResult(intent, CHOOSE_FILE)
        } catch (_: ActivityNotFoundException) {
            message.showMessage(getString(R.string.no_file_chooser))
        }
    }

    private fun show(state: ModelState) {
        add.isEnabled = state != ModelState.Adding
        add.setText(if (state == ModelState.Adding) R.string.adding_model else R.string.add_model)
        message.showMessage((state as? ModelState.Failed)?.message)
        if (state is ModelState.Added) fillModels()
    }

    private fun fillModels() {
        view<RadioGroup>(R.id.models).removeAllViews()
        val names = demo.models.names()
        if (names.isEmpty()) message.showMessage(getString(R.string.no_models))
        else fill(R.id.models, names, demo.chosenModelName(), ::card) { demo.settings.model = it }
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

    private fun sources(description: ModelDescription) = description.sources.let {
        if (description.hasNamedSources) it.joinToString(", ")
        else resources.getQuantityString(R.plurals.sources, it.size, it.size)
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
            sources(description),
            description.sampleRate,
            "%.1f".format(description.segment / description.sampleRate.toDouble()),
            "%.1f".format(model.content.size / 1e6),
        )
        return card + model.fidelityDb?.let { getString(R.string.model_card_fidelity, "%.0f".format(it)) }.orEmpty()
    }

    private companion object {
        const val CHOOSE_FILE = 1
    }
}

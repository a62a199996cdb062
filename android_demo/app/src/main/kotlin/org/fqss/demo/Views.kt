package org.fqss.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.Rect
import android.util.AttributeSet
import android.view.View
import org.fqss.core.Overview

/** How many columns the pictures of a recording have, whatever the screen. */
const val OVERVIEW_COLUMNS = 300

/** The lowest and highest sample of each column, and where playing is. */
class WaveformView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val wave = Paint().apply { color = context.getColor(R.color.accent) }
    private val track = Paint().apply { color = context.getColor(R.color.track) }
    private val needle = Paint().apply {
        color = context.getColor(R.color.text)
        strokeWidth = 2 * resources.displayMetrics.density
    }
    private var overview: Overview? = null

    /** Of the needle, a share of the recording. */
    internal var position = 0f
        private set

    fun show(overview: Overview) {
        this.overview = overview
        invalidate()
    }

    /** @param share of the recording, 0 to 1. */
    fun moveTo(share: Float) {
        position = share
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        canvas.drawRect(0f, 0f, width.toFloat(), height.toFloat(), track)
        overview?.let { drawn ->
            val columnWidth = width / drawn.lowest.size.toFloat()
            for (column in drawn.lowest.indices) {
                val top = height / 2f * (1 - drawn.highest[column])
                val bottom = maxOf(height / 2f * (1 - drawn.lowest[column]), top + 1)
                canvas.drawRect(column * columnWidth, top, (column + 1) * columnWidth, bottom, wave)
            }
        }
        canvas.drawLine(position * width, 0f, position * width, height.toFloat(), needle)
    }
}

/** Time to the right, frequency upwards, loud parts bright. */
class SpectrogramView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val paint = Paint(Paint.FILTER_BITMAP_FLAG)
    private var picture: Bitmap? = null

    fun show(overview: Overview) {
        picture = picture(overview.decibels)
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        picture?.let { canvas.drawBitmap(it, null, Rect(0, 0, width, height), paint) }
    }

    companion object {
        private const val FLOOR_DB = -80f

        internal fun picture(decibels: List<FloatArray>): Bitmap {
            val bins = decibels[0].size
            val bitmap = Bitmap.createBitmap(decibels.size, bins, Bitmap.Config.ARGB_8888)
            for (column in decibels.indices) {
                for (bin in 0 until bins) bitmap.setPixel(column, bins - 1 - bin, colour(decibels[column][bin]))
            }
            return bitmap
        }

        /** From black over blue and red to yellow. */
        private fun colour(decibels: Float): Int {
            val share = ((decibels - FLOOR_DB) / -FLOOR_DB).coerceIn(0f, 1f)
            return Color.HSVToColor(floatArrayOf((270 + 150 * share) % 360, 1 - 0.4f * share, minOf(1f, 1.6f * share)))
        }
    }
}

/** A bar as long as a level from 0 to 1 is high. */
class LevelMeterView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val track = Paint().apply { color = context.getColor(R.color.track) }
    private val bar = Paint().apply { color = context.getColor(R.color.accent) }

    var level = 0f
        set(value) {
            field = value.coerceIn(0f, 1f)
            invalidate()
        }

    override fun onDraw(canvas: Canvas) {
        canvas.drawRect(0f, 0f, width.toFloat(), height.toFloat(), track)
        canvas.drawRect(0f, 0f, level * width, height.toFloat(), bar)
    }
}

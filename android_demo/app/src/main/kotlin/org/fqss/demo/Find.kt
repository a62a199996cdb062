package org.fqss.demo

import android.app.Activity
import android.view.View

/** The view of a layout that has one of that name. */
fun <V : View> Activity.view(id: Int): V = findViewById<V>(id)!!

fun <V : View> View.view(id: Int): V = findViewById<V>(id)!!

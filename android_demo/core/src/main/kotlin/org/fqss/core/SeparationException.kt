package org.fqss.core

/** One clear line for the person who uses the app: what is wrong and what to do. */
class SeparationException(message: String, cause: Throwable? = null) : Exception(message, cause)

package org.fqss.core

/** Separates a recording at the model's rate as it comes. [A] is an array of samples. */
interface SourceStream<A> {
    /** Takes [samples] and returns what is final by now, [sources, samples], often none. */
    fun push(block: A): List<A>

    /** Ends the recording and returns the rest: all parts together are as long as what was pushed. */
    fun finish(): List<A>
}

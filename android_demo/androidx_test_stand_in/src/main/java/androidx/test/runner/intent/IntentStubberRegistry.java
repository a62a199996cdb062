package androidx.test.runner.intent;

/** No intents are stubbed here. */
public final class IntentStubberRegistry {
    private IntentStubberRegistry() {}

    public static boolean isLoaded() {
        return false;
    }

    public static IntentStubber getInstance() {
        throw new IllegalStateException("no intents are stubbed");
    }
}

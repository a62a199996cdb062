/* Runs the golden stream through the model and counts the samples that differ. */
#include <stdio.h>

#include "golden.h"
#include "model.h"

static union {
    int64_t aligned;
    int8_t bytes[FQSS_ARENA_BYTES];
} arena;

int main(void)
{
    static int16_t estimates[FQSS_SOURCES * FQSS_STEP];
    long wrong = 0;
    fqss_reset(&arena);
    for (long step = 0; step < FQSS_GOLDEN_STEPS; step++) {
        const int16_t *expected = fqss_golden_estimates + step * FQSS_SOURCES * FQSS_STEP;
        fqss_step(&arena, fqss_golden_mixture + step * FQSS_STEP, estimates);
        for (int i = 0; i < FQSS_SOURCES * FQSS_STEP; i++)
            wrong += estimates[i] != expected[i];
    }
    printf("%ld wrong samples of %ld\n", wrong, (long)FQSS_GOLDEN_STEPS * FQSS_SOURCES * FQSS_STEP);
    return wrong != 0;
}

/* Runs the golden streams through the model and the level, and counts the samples that differ. */
#include <stdio.h>

#include "golden.h"
#include "level.h"
#include "model.h"

static union {
    int64_t aligned;
    int8_t bytes[FQSS_ARENA_BYTES];
} arena;
static struct fqss_level level;
static int16_t mixture[FQSS_STEP], estimates[FQSS_SOURCES * FQSS_STEP];

static long differ(const int16_t *found, const int16_t *expected, int count)
{
    long wrong = 0;
    for (int i = 0; i < count; i++)
        wrong += found[i] != expected[i];
    return wrong;
}

static long test_model(void)
{
    const int count = FQSS_SOURCES * FQSS_STEP;
    long wrong = 0;
    fqss_reset(&arena);
    for (long step = 0; step < FQSS_GOLDEN_STEPS; step++) {
        fqss_step(&arena, fqss_golden_mixture + step * FQSS_STEP, estimates);
        wrong += differ(estimates, fqss_golden_estimates + step * count, count);
    }
    printf("model: %ld wrong samples of %ld\n", wrong, (long)FQSS_GOLDEN_STEPS * count);
    return wrong;
}

/* As if each estimate were the mixture. */
static long test_level(void)
{
    long wrong = 0;
    fqss_level_reset(&level);
    for (long step = 0; step < FQSS_GOLDEN_LEVEL_STEPS; step++) {
        const long from = step * FQSS_STEP;
        fqss_level_step(&level, fqss_golden_sound + from, mixture);
        wrong += differ(mixture, fqss_golden_heard + from, FQSS_STEP);
        for (int i = 0; i < FQSS_SOURCES * FQSS_STEP; i++)
            estimates[i] = mixture[i % FQSS_STEP];
        fqss_level_undo(&level, estimates);
        for (int source = 0; source < FQSS_SOURCES; source++)
            wrong += differ(estimates + source * FQSS_STEP, fqss_golden_undone + from, FQSS_STEP);
    }
    printf("level: %ld wrong samples of %ld\n", wrong,
           (long)FQSS_GOLDEN_LEVEL_STEPS * FQSS_STEP * (1 + FQSS_SOURCES));
    return wrong;
}

int main(void)
{
    const long wrong = test_model() + test_level();
    return wrong != 0;
}

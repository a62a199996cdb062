/* Separates a stream of any level from stdin to stdout. */
#include <stdio.h>

#include "level.h"
#include "model.h"

static union {
    int64_t aligned;
    int8_t bytes[FQSS_ARENA_BYTES];
} arena;
static struct fqss_level level;
static int16_t samples[FQSS_STEP], estimates[FQSS_SOURCES * FQSS_STEP];

int main(void)
{
    fqss_reset(&arena);
    fqss_level_reset(&level);
    while (fread(samples, sizeof samples, 1, stdin)) {
        fqss_level_step(&level, samples, samples);
        fqss_step(&arena, samples, estimates);
        fqss_level_undo(&level, estimates);
        fwrite(estimates, sizeof estimates, 1, stdout);
    }
    return 0;
}

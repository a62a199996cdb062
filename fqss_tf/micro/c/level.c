/* The level of a stream; see level.h. The same numbers as fqss-tf on a computer, bit for bit. */
#include "level.h"

#include <string.h>

#if FQSS_STEP > 32767
#error "a step is too long for 32 bits"
#endif

enum {
    FULL_SCALE = 32768,
    LEAST_LEVEL = 32, /* -60 dBFS */
    LOUDER_STEPS = 2  /* that may be louder than the level */
};

static int32_t clipped(int32_t x)
{
    return x < -FULL_SCALE ? -FULL_SCALE : x >= FULL_SCALE ? FULL_SCALE - 1 : x;
}

/* Rounded down; y is positive. */
static int32_t quotient(int32_t x, int32_t y)
{
    return x / y - (x % y < 0);
}

/* Where a straight line from first to last is at sample i. */
static int32_t between(int32_t first, int32_t last, int i)
{
    return (int32_t)((uint32_t)(first * (FQSS_STEP - i) + last * i) / FQSS_STEP);
}

/* Puts a number in place of the oldest, or adds it while a second is not full. */
static void remember(struct fqss_level_window *window, const struct fqss_level *level,
                     uint16_t number)
{
    uint16_t *const sorted = window->sorted;
    const int is_full = level->steps == FQSS_LEVEL_STEPS;
    const int32_t last = is_full ? level->steps - 1 : level->steps;
    int32_t i = last;
    if (is_full)
        for (i = 0; sorted[i] != window->numbers[level->oldest];)
            i++;
    for (; i > 0 && sorted[i - 1] > number; i--)
        sorted[i] = sorted[i - 1];
    for (; i < last && sorted[i + 1] < number; i++)
        sorted[i] = sorted[i + 1];
    sorted[i] = number;
    window->numbers[level->oldest] = number;
}

void fqss_level_reset(struct fqss_level *level)
{
    memset(level, 0, sizeof *level);
}

void fqss_level_step(struct fqss_level *level, const int16_t *samples, int16_t *mixture)
{
    const int32_t steps = level->steps < FQSS_LEVEL_STEPS ? level->steps + 1 : FQSS_LEVEL_STEPS;
    int32_t offset = level->offset, first = level->level, sum = 0, peak = 0;

    for (int i = 0; i < FQSS_STEP; i++)
        sum += samples[i];
    remember(&level->means, level,
             (uint16_t)(quotient(2 * sum + FQSS_STEP, 2 * FQSS_STEP) + FULL_SCALE));
    level->offset = level->means.sorted[steps / 2];
    if (level->steps == 0)
        offset = level->offset;

    for (int i = 0; i < FQSS_STEP; i++) {
        const int32_t x = samples[i] + FULL_SCALE - between(offset, level->offset, i);
        peak = x > peak ? x : -x > peak ? -x : peak;
    }
    remember(&level->peaks, level, (uint16_t)peak);
    level->level = level->peaks.sorted[steps > LOUDER_STEPS ? steps - 1 - LOUDER_STEPS : 0];
    if (level->level < peak)
        level->level = (uint16_t)peak;
    if (first < level->level)
        first = level->level;
    level->steps = steps;
    level->oldest = (level->oldest + 1) % FQSS_LEVEL_STEPS;

    memmove(level->levels, level->levels + FQSS_STEP, FQSS_DELAY * sizeof *level->levels);
    for (int i = 0; i < FQSS_STEP; i++) {
        const int32_t x = samples[i] + FULL_SCALE - between(offset, level->offset, i);
        const int32_t y = between(first, level->level, i);
        level->levels[FQSS_DELAY + i] = (uint16_t)y;
        mixture[i] = (int16_t)clipped(quotient(x * FULL_SCALE, y < LEAST_LEVEL ? LEAST_LEVEL : y));
    }
}

void fqss_level_undo(const struct fqss_level *level, int16_t *estimates)
{
    for (int source = 0; source < FQSS_SOURCES; source++)
        for (int i = 0; i < FQSS_STEP; i++, estimates++)
            *estimates = (int16_t)clipped((*estimates * level->levels[i] + FULL_SCALE / 2) >> 15);
}

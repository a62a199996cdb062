/* Brings a stream of any level to full scale, as the model expects it, and estimates back. Of each
 * step:
 *
 *     fqss_level_step(&level, samples, mixture);
 *     fqss_step(&arena, mixture, estimates);
 *     fqss_level_undo(&level, estimates);
 *
 * The level is the third largest peak of the last second's steps, or the peak of this step if that
 * is larger. The offset, the median of their means, is taken away before. What is below -60 dBFS
 * stays below full scale.
 */
#ifndef FQSS_LEVEL_H
#define FQSS_LEVEL_H

#include <stdint.h>

#include "model.h"

#define FQSS_LEVEL_STEPS (FQSS_SAMPLE_RATE / FQSS_STEP + 1) /* that are remembered: a second */

/* One number of each of the last steps. */
struct fqss_level_window {
    uint16_t numbers[FQSS_LEVEL_STEPS];
    uint16_t sorted[FQSS_LEVEL_STEPS];
};

/* All memory that the level needs, but for some stack. In means and offset, 32768 stands for 0. */
struct fqss_level {
    struct fqss_level_window means, peaks;
    uint16_t levels[FQSS_DELAY + FQSS_STEP]; /* of the samples whose estimates are to come */
    uint16_t offset, level;
    int32_t steps, oldest; /* that are remembered, and whose number is replaced next */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Begins a stream. */
void fqss_level_reset(struct fqss_level *level);

/* Brings the next FQSS_STEP samples to full scale. mixture may be samples. */
void fqss_level_step(struct fqss_level *level, const int16_t *samples, int16_t *mixture);

/* Gives the estimates of this step, as fqss_step leaves them, the level of the sound. */
void fqss_level_undo(const struct fqss_level *level, int16_t *estimates);

#ifdef __cplusplus
}
#endif

#endif

/* Takes steps of samples from stdin through the level. To stdout, of each step: the samples at full scale, and what
 * becomes of estimates that equal them. */
#include <stdio.h>
#include <string.h>

#include "level.h"

int main(void)
{
    static struct fqss_level level;
    int16_t samples[FQSS_STEP], estimates[FQSS_SOURCES * FQSS_STEP];
    memset(&level, 0x5A, sizeof level);
    fqss_level_reset(&level);
    while (fread(samples, sizeof samples, 1, stdin)) {
        fqss_level_step(&level, samples, samples);
        for (int source = 0; source < FQSS_SOURCES; source++)
            memcpy(estimates + source * FQSS_STEP, samples, sizeof samples);
        fqss_level_undo(&level, estimates);
        fwrite(samples, sizeof samples, 1, stdout);
        fwrite(estimates, sizeof estimates, 1, stdout);
    }
    return 0;
}

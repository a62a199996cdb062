/* A Cortex-M of qemu: takes sound.raw through level and model in steps. Writes, of each step, the samples at full scale,
 * their estimates, and the estimates at the level of the sound to found.raw. Prints how many steps there were, how many
 * ticks of SysTick the model took in all and in the longest step, and how many the level took. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "level.h"
#include "model.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010)
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)

static union {
    int64_t aligned;
    int8_t bytes[FQSS_ARENA_BYTES];
} arena;
static struct fqss_level level;
static int16_t samples[FQSS_STEP], estimates[FQSS_SOURCES * FQSS_STEP];

static uint32_t since(uint32_t before)
{
    return (before - SYST_CVR) & 0xFFFFFF;
}

int main(void)
{
    FILE *in = fopen("sound.raw", "rb"), *out = fopen("found.raw", "wb");
    uint32_t steps = 0, longest = 0, ticks = 0, level_ticks = 0;
    if (!in || !out)
        return 2;
    SYST_RVR = 0xFFFFFF;
    SYST_CVR = 0;
    SYST_CSR = 5;
    fqss_reset(&arena);
    fqss_level_reset(&level);
    while (fread(samples, sizeof samples, 1, in)) {
        uint32_t before = SYST_CVR;
        fqss_level_step(&level, samples, samples);
        level_ticks += since(before);
        before = SYST_CVR;
        fqss_step(&arena, samples, estimates);
        const uint32_t took = since(before);
        ticks += took;
        longest = took > longest ? took : longest;
        fwrite(samples, sizeof samples, 1, out);
        fwrite(estimates, sizeof estimates, 1, out);
        before = SYST_CVR;
        fqss_level_undo(&level, estimates);
        level_ticks += since(before);
        if (!fwrite(estimates, sizeof estimates, 1, out))
            return 2;
        steps++;
    }
    fclose(out);
    printf("%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", steps, ticks, longest, level_ticks);
    return 0;
}

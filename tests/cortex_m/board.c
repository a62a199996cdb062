/* A Cortex-M of qemu: takes mixture.raw through the model in steps, writes estimates.raw, and prints how many steps there
 * were and how many ticks of SysTick all of them and the longest took. Files are reached by semihosting. */
#include <stddef.h>
#include <stdint.h>

#include "model.h"

enum { OPEN = 1, CLOSE = 2, WRITE_0 = 4, WRITE = 5, READ = 6, EXIT = 0x20 };

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CPACR REGISTER(0xE000ED88)
#define SYST_CSR REGISTER(0xE000E010)
#define SYST_RVR REGISTER(0xE000E014)
#define SYST_CVR REGISTER(0xE000E018)

extern uint8_t data_begin[], data_end[], data_from[], bss_begin[], bss_end[];

static union {
    int64_t aligned;
    int8_t bytes[FQSS_ARENA_BYTES];
} arena;

static long host(long operation, const void *arguments)
{
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static long open_file(const char *name, size_t length, long mode)
{
    const long arguments[3] = {(long)name, mode, (long)length};
    return host(OPEN, arguments);
}

static void leave(int code)
{
    const long arguments[2] = {0x20026, code}; /* ADP_Stopped_ApplicationExit */
    host(EXIT, arguments);
    for (;;)
        ;
}

static void print(uint64_t number)
{
    char text[24];
    char *end = text + sizeof text - 1;
    *end = 0;
    *--end = ' ';
    do
        *--end = (char)('0' + number % 10);
    while (number /= 10);
    host(WRITE_0, end);
}

static void run(void)
{
    static int16_t mixture[FQSS_STEP], estimates[FQSS_SOURCES * FQSS_STEP];
    const long in = open_file("mixture.raw", 11, 1), out = open_file("estimates.raw", 13, 5);
    const long reading[3] = {in, (long)mixture, sizeof mixture};
    const long writing[3] = {out, (long)estimates, sizeof estimates};
    uint64_t ticks = 0;
    uint32_t steps = 0, longest = 0;
    if (in < 0 || out < 0)
        leave(1);
    SYST_RVR = 0xFFFFFF;
    SYST_CVR = 0;
    SYST_CSR = 5;
    fqss_reset(&arena);
    while (host(READ, reading) == 0) {
        const uint32_t before = SYST_CVR;
        fqss_step(&arena, mixture, estimates);
        const uint32_t took = (before - SYST_CVR) & 0xFFFFFF;
        if (host(WRITE, writing))
            leave(1);
        ticks += took;
        longest = took > longest ? took : longest;
        steps++;
    }
    host(CLOSE, &out);
    print(steps);
    print(ticks);
    print(longest);
    leave(0);
}

void reset(void)
{
    CPACR |= 0xF << 20; /* FPU and vector unit */
    __asm__ volatile("dsb\n isb");
    for (uint8_t *to = data_begin, *from = data_from; to < data_end;)
        *to++ = *from++;
    for (uint8_t *to = bss_begin; to < bss_end;)
        *to++ = 0;
    run();
}

static void fault(void)
{
    leave(2);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    (void *)(0x20000000 + 512 * 1024), (void *)reset, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault,
};

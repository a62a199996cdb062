/* From reset to main. printf, files and exit go to the debugger or qemu, by the semihosting of newlib (rdimon). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CPACR (*(volatile uint32_t *)0xE000ED88)

extern uint8_t data_begin[], data_end[], data_from[], bss_begin[], bss_end[], stack_end[];
extern void (*const init_begin[])(void), (*const init_end[])(void);
void initialise_monitor_handles(void);
int main(void);

void reset(void)
{
    CPACR |= 0xF << 20; /* FPU and vector unit */
    __asm__ volatile("dsb\n isb");
    memcpy(data_begin, data_from, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    initialise_monitor_handles();
    for (void (*const *init)(void) = init_begin; init < init_end; init++)
        (*init)();
    exit(main());
}

static void fault(void)
{
    _Exit(3);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_end, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};

/* exit() looks for it. */
void _fini(void)
{
}

#include "base/cpu.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#if defined __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static const struct {
    const char *name;
    unsigned bit;
} sets[] = {
#define X(id, name, bit) {name, HAQ_ISA_##id},
    HAQ_ISA_MAP(X)
#undef X
};

enum { N_SETS = sizeof sets / sizeof *sets };

#if defined __x86_64__
/* Tile registers make the state that is saved at a switch of threads 8 KiB
 * larger, so Linux (5.16 on) grants them to processes that ask.  The grant
 * holds for all threads and for children until exec; asking again is free. */
static bool tiles_granted(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d = 0;
    const unsigned both = 1u << 24 | 1u << 25; /* AMX-TILE, AMX-INT8 */

    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & both) != both)
        return false;
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

/* The builtin knows whether the operating system saves the registers; it has
 * no name for F16C in every compiler, but that set uses AVX2's registers. */
unsigned haq_cpu_isa(void)
{
    unsigned a, b, c = 0, d, isa = 0;

    __builtin_cpu_init();
    __get_cpuid(1, &a, &b, &c, &d);
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !(c & bit_F16C))
        return HAQ_ISA_NONE;
    isa |= HAQ_ISA_AVX2;
    if (!__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return isa;
    isa |= HAQ_ISA_AVX512;
    if (!__builtin_cpu_supports("avx512vnni"))
        return isa;
    isa |= HAQ_ISA_VNNI;
    return tiles_granted() ? isa | HAQ_ISA_AMX : isa;
}
#elif defined __aarch64__
unsigned haq_cpu_isa(void)
{
    unsigned long cap = getauxval(AT_HWCAP), cap2 = getauxval(AT_HWCAP2);
    unsigned isa = cap & HWCAP_ASIMD ? HAQ_ISA_NEON : HAQ_ISA_NONE;
    isa |= cap & HWCAP_ASIMDDP ? HAQ_ISA_DOTPROD : 0;
    return isa | (cap2 & HWCAP2_I8MM ? HAQ_ISA_I8MM : 0);
}
#else
unsigned haq_cpu_isa(void)
{
    return HAQ_ISA_NONE;
}
#endif

haq_status haq_cpu_isa_parse(const char *name, unsigned *out,
                             struct haq_diag *d)
{
    unsigned here = haq_cpu_isa();
    char known[120] = "none";

    *out = HAQ_ISA_NONE;
    if (!strcmp(name, known))
        return HAQ_OK;
    for (size_t i = 0; i < N_SETS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, ", %s", sets[i].name);
        if (strcmp(name, sets[i].name))
            continue;
        if (!(here & sets[i].bit))
            return haq_fail(d, HAQ_USAGE, "this machine has no %s (it has %s)",
                            name, haq_cpu_isa_name(here));
        *out = here & (2 * sets[i].bit - 1);
        return HAQ_OK;
    }
    return haq_fail(d, HAQ_USAGE, "unknown instruction set %s (there are: %s)",
                    name, known);
}

const char *haq_cpu_isa_name(unsigned isa)
{
    for (size_t i = N_SETS; i-- > 0;)
        if (isa & sets[i].bit)
            return sets[i].name;
    return "none";
}

void haq_cpu_model(char *out, size_t size)
{
    static const char key[] = "model name";
    char line[256];
    struct utsname machine;
    FILE *f = fopen("/proc/cpuinfo", "r");

    snprintf(out, size, "%s",
             uname(&machine) ? "unknown CPU" : machine.machine);
    while (f && fgets(line, sizeof line, f)) {
        const char *value = strchr(line, ':');
        if (!value || strncmp(line, key, sizeof key - 1))
            continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (f)
        fclose(f);
}

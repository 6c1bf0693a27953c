/* base/cpu.h - instruction sets as a mask.
 *
 * Kernels are chosen by a mask that is passed as an argument, so a test or
 * `--isa` can allow less than the machine has.
 */
#ifndef HAQ_BASE_CPU_H
#define HAQ_BASE_CPU_H

#include <stddef.h>

#include "base/status.h"

#define HAQ_ISA_MAP(X)                                                         \
    X(AVX2, "avx2", 0)     /* with FMA and F16C */                             \
    X(AVX512, "avx512", 1) /* F, BW, DQ, VL */                                 \
    X(VNNI, "avx512vnni", 2)                                                   \
    X(AMX, "avx512amx", 3) /* TILE, INT8 */                                    \
    X(NEON, "neon", 4)                                                         \
    X(DOTPROD, "dotprod", 5)                                                   \
    X(I8MM, "i8mm", 6)

enum {
    HAQ_ISA_NONE = 0,
#define X(id, name, bit) HAQ_ISA_##id = 1 << bit,
    HAQ_ISA_MAP(X)
#undef X
};

/* What this CPU and operating system can run.  Each process must have asked
 * before it uses tile registers: Linux hands those out on request, which is
 * part of asking. */
unsigned haq_cpu_isa(void);

/* "none", "avx2", "avx512", "avx512amx", ... : that set and all below it that
 * the machine has.  HAQ_USAGE: unknown name (the sentence lists them) or a set
 * that this machine lacks. */
haq_status haq_cpu_isa_parse(const char *name, unsigned *out,
                             struct haq_diag *d);

/* Name of the highest set in the mask; static. */
const char *haq_cpu_isa_name(unsigned isa);

/* CPU model as the kernel tells it ("AMD EPYC ..."), cut to `size`. */
void haq_cpu_model(char *out, size_t size);

#endif

/* kernels/x86/dpbusd.h - the dot product instruction of AVX-512 VNNI. */
#ifndef HAQ_KERNELS_X86_DPBUSD_H
#define HAQ_KERNELS_X86_DPBUSD_H

#include <immintrin.h>

/* acc + the sums of four products a * w, a unsigned, w signed, in each lane of
 * 32 bits.  By hand because gcc 12 copies the accumulators of the intrinsic
 * between two vector types, runs out of registers in large tiles and spills:
 * those then take 1.6 times as long. */
static inline __m512i haq_dpbusd(__m512i acc, __m512i a, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
    return acc;
}

#endif

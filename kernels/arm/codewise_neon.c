/* Operations on codes; a table of 256 bytes is four groups of four registers,
 * and an index outside of a group leaves the result alone. */
#include <arm_neon.h>

#define CODEWISE(name) haq_codewise_##name##_neon
#include "kernels/codewise.inc"

enum { STEP = 16, GROUP = 64 };

void haq_codewise_lookup_neon(uint8_t *y, const uint8_t *x, size_t n,
                              const uint8_t table[256])
{
    uint8x16x4_t part[4];
    size_t i = 0;

    for (size_t k = 0; k < 4; k++)
        part[k] = vld1q_u8_x4(table + k * GROUP);
    for (; i + STEP <= n; i += STEP) {
        uint8x16_t at = vld1q_u8(x + i);
        uint8x16_t to = vqtbl4q_u8(part[0], at);
        for (size_t k = 1; k < 4; k++) {
            at = vsubq_u8(at, vdupq_n_u8(GROUP));
            to = vqtbx4q_u8(to, part[k], at);
        }
        vst1q_u8(y + i, to);
    }
    for (; i < n; i++)
        y[i] = table[x[i]];
}

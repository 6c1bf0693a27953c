/* Taps into the model's order, against the definition. */
#include "runtime/interleave.h"

#include <string.h>

#include "tests/suite.h"

enum { TAPS = 20, CHANNELS = 40, GUARD = 32 };

struct image {
    uint8_t code[TAPS][CHANNELS + 16];
    float real[TAPS][CHANNELS + 4];
    const void *codes[TAPS * 2], *reals[TAPS * 2]; /* every other is used */
};

static void fill(struct image *m)
{
    uint64_t seed = 5;
    for (int t = 0; t < TAPS; t++) {
        for (int c = 0; c < CHANNELS; c++) {
            m->code[t][c] = (uint8_t)next_random(&seed);
            m->real[t][c] = (float)(next_random(&seed) % 1000);
        }
        m->codes[2 * t] = m->code[t];
        m->reals[2 * t] = m->real[t];
    }
}

static void every_shape_is_the_definition(void)
{
    static struct image m;
    static uint8_t q[TAPS * CHANNELS + GUARD];
    static float f[TAPS * CHANNELS + GUARD];
    fill(&m);
    for (size_t taps = 1; taps <= TAPS; taps++)
        for (size_t channels = 1; channels <= CHANNELS; channels++) {
            size_t wrong = 0, n = taps * channels;
            memset(q, 0x5a, sizeof q);
            memset(f, 0x5a, sizeof f);
            haq_interleave_u8(q, m.codes, 2, taps, channels);
            haq_interleave_f32(f, m.reals, 2, taps, channels);
            for (size_t i = 0; i < n; i++) {
                size_t c = i / taps, t = i % taps;
                wrong += q[i] != m.code[t][c];
                wrong += memcmp(&f[i], &m.real[t][c], sizeof *f) != 0;
            }
            wrong += q[n + 16] != 0x5a;
            wrong += ((uint8_t *)&f[n + 4])[0] != 0x5a;
            CU_ASSERT(wrong == 0);
        }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_shape_is_the_definition),
        CU_TEST_INFO_NULL,
    };
    return run_suite("interleaving", tests);
}

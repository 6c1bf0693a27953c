/* Packed panels: what comes out is what went in, on every instruction set. */
#include "kernels/panel.h"

#include "tests/kernels/kernel_data.h"

enum { BLOCKS = 3, CODES = BLOCKS * HAQ_PANEL_CODES };

static const int all_bits[] = {6, 5, 4, 3, 2, 1};
enum { N_BITS = sizeof all_bits / sizeof *all_bits };

static int8_t random_code(uint64_t *seed, int bits)
{
    int range = 1 << bits;
    int any = (int)(next_random(seed) % (uint64_t)range);
    return (int8_t)(bits == 1 ? 2 * any - 1 : any - range / 2);
}

static void random_stream(int8_t *codes, size_t n, int bits, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++)
        codes[i] = random_code(seed, bits);
}

static void check_row(const struct haq_panel_impl *impl, int bits,
                      uint64_t *seed)
{
    int8_t codes[CODES];
    uint8_t *packed = block(haq_panel_bytes(bits, CODES));
    int8_t *got = aligned_alloc(64, CODES);
    int bad = 0;

    random_stream(codes, CODES, bits, seed);
    haq_panel_pack(packed, codes, CODES, bits);
    impl->unpack(got, packed, BLOCKS, bits);
    for (size_t i = 0; i < CODES; i++)
        bad += got[i] != codes[i] * (1 << haq_panel_shift(bits));
    if (bad)
        printf("\n    %s: %d bits, %d of %d codes differ", impl->name, bits,
               bad, CODES);
    CU_ASSERT_EQUAL(bad, 0);
    free(got);
    free(packed);
}

static void every_code_comes_back_shifted(void)
{
    size_t count;
    uint64_t seed = 5;
    const struct haq_panel_impl *impls = haq_panel_impls(&count);

    for (size_t i = 0; i < count; i++)
        for (size_t b = 0; b < N_BITS && runnable(impls[i].isa); b++)
            check_row(&impls[i], all_bits[b], &seed);
}

static void a_block_takes_its_bits_and_no_more(void)
{
    for (size_t b = 0; b < N_BITS; b++) {
        size_t line = (size_t)all_bits[b] * HAQ_PANEL_LINE;
        CU_ASSERT_EQUAL(haq_panel_bytes(all_bits[b], HAQ_PANEL_CODES), line);
        CU_ASSERT_EQUAL(haq_panel_bytes(all_bits[b], HAQ_PANEL_CODES + 1),
                        2 * line);
    }
    CU_ASSERT_EQUAL(haq_panel_bytes(8, 77), 77);
}

static void the_rest_of_the_last_block_is_zero_codes(void)
{
    static const int8_t one = -3;
    uint8_t packed[4 * HAQ_PANEL_LINE];
    int8_t got[HAQ_PANEL_CODES] __attribute__((aligned(64)));

    haq_panel_pack(packed, &one, 1, 4);
    haq_panel_select(0)->unpack(got, packed, 1, 4);
    CU_ASSERT_EQUAL(got[0], -3 * 16);
    for (size_t i = 1; i < HAQ_PANEL_CODES; i++)
        CU_ASSERT_EQUAL(got[i], 0);
}

static void codes_get_the_fewest_bits_that_hold_them(void)
{
    static const struct {
        int8_t codes[3];
        int bits;
    } cases[] = {
        {{-1, 1, 1}, 1}, {{-1, 0, 1}, 2},   {{-2, 1, 0}, 2},   {{-2, 2, 0}, 3},
        {{-4, 3, 0}, 3}, {{7, -7, 0}, 4},   {{-9, 0, 0}, 5},   {{31, 0, 0}, 6},
        {{32, 0, 0}, 8}, {{-64, 63, 0}, 8}, {{-128, 0, 0}, 8}, {{0, 0, 0}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CU_ASSERT_EQUAL(haq_panel_bits(cases[i].codes, 3), cases[i].bits);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_code_comes_back_shifted),
        HAQ_TEST(a_block_takes_its_bits_and_no_more),
        HAQ_TEST(the_rest_of_the_last_block_is_zero_codes),
        HAQ_TEST(codes_get_the_fewest_bits_that_hold_them),
        CU_TEST_INFO_NULL,
    };
    return run_suite("panel", tests);
}

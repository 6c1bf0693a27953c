#include <string.h>

#include "quant/format/format.h"
#include "tests/suite.h"

static void every_name_finds_its_row_and_float_means_fp32(void)
{
    for (const struct haq_format *f = haq_formats; f->name; f++) {
        CU_ASSERT_PTR_EQUAL(haq_format_find(f->name), f);
        CU_ASSERT(strstr(haq_format_names(), f->name) != NULL);
    }
    CU_ASSERT_PTR_EQUAL(haq_format_find("float"), haq_format_find("fp32"));
    CU_ASSERT_PTR_NULL(haq_format_find("int9"));
    CU_ASSERT_PTR_NULL(haq_format_find(""));
}

/* ONNX: int4 [-8,7], uint4 [0,15], int2 [-2,1], uint2 [0,3]; it has no ternary
 * and no binary. */
static void code_ranges_are_those_of_onnx(void)
{
    static const struct {
        const char *name;
        int bits, lo, hi;
    } want[] = {{"int2", 2, -2, 1},     {"uint2", 2, 0, 3},
                {"int4", 4, -8, 7},     {"uint4", 4, 0, 15},
                {"int8", 8, -128, 127}, {"uint8", 8, 0, 255},
                {"ternary", 2, -1, 1},  {"binary", 1, -1, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct haq_format *f = haq_format_find(want[i].name);
        CU_ASSERT_EQUAL(f->bits, want[i].bits);
        CU_ASSERT_EQUAL(f->qmin, want[i].lo);
        CU_ASSERT_EQUAL(f->qmax, want[i].hi);
        CU_ASSERT(f->integer);
    }
}

static void packed_bytes_round_up_to_whole_bytes(void)
{
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("int3"), 0), 0);
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("int3"), 3), 2);
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("int3"), 8), 3);
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("int4"), 9), 5);
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("uint8"), 9), 9);
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("ternary"), 9), 3);
    CU_ASSERT_EQUAL(haq_codes_bytes(haq_format_find("binary"), 9), 2);
}

/* Bytes made by Python: sum(code << bits * i).to_bytes(n, "little"). */
static void streams_are_little_endian_with_low_bits_first(void)
{
    static const int8_t three[] = {-3, -2, -1, 0, 1, 2, 3, -3, 2, 1, 0};
    static const uint8_t three_bytes[] = {0xf5, 0x11, 0xad, 0x0a, 0x00};
    /* uint5 codes 0 31 17 5 9, held minus 16 */
    static const int8_t five[] = {-16, 15, 1, -11, -7};
    static const uint8_t five_bytes[] = {0xe0, 0xc7, 0x92, 0x00};
    static const int8_t signs[] = {1, -1, -1, 1, 1, 1, -1, 1, -1, 1};
    static const uint8_t signs_bytes[] = {0xb9, 0x02};
    uint8_t out[8] = {0};
    haq_codes_pack(haq_format_find("int3"), out, three, sizeof three);
    CU_ASSERT(!memcmp(out, three_bytes, sizeof three_bytes));
    haq_codes_pack(haq_format_find("uint5"), out, five, sizeof five);
    CU_ASSERT(!memcmp(out, five_bytes, sizeof five_bytes));
    haq_codes_pack(haq_format_find("binary"), out, signs, sizeof signs);
    CU_ASSERT(!memcmp(out, signs_bytes, sizeof signs_bytes));
}

static void packing_and_unpacking_gives_the_codes_back(void)
{
    enum { MOST = 67 };
    uint64_t seed = 1;
    for (const struct haq_format *f = haq_formats; f->name; f++) {
        if (!f->integer)
            continue;
        for (size_t n = 0; n <= MOST; n++) {
            int8_t codes[MOST], back[MOST];
            uint8_t packed[MOST + 1];
            size_t bytes = haq_codes_bytes(f, n);
            int half = 1 << (f->bits - 1);
            for (size_t i = 0; i < n; i++) {
                int c = (int)(next_random(&seed) % (1u << f->bits)) - half;
                codes[i] = (int8_t)(f->odd ? 2 * c + 1 : c);
            }
            packed[bytes] = 0xa5;
            haq_codes_pack(f, packed, codes, n);
            CU_ASSERT_EQUAL(packed[bytes], 0xa5);
            haq_codes_unpack(f, back, packed, n);
            CU_ASSERT(n == 0 || !memcmp(codes, back, n));
        }
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(every_name_finds_its_row_and_float_means_fp32),
        HAQ_TEST(code_ranges_are_those_of_onnx),
        HAQ_TEST(packed_bytes_round_up_to_whole_bytes),
        HAQ_TEST(streams_are_little_endian_with_low_bits_first),
        HAQ_TEST(packing_and_unpacking_gives_the_codes_back),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/format", tests);
}

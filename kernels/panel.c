#include "kernels/panel.h"

#include <string.h>

#include "base/cpu.h"
#include "kernels/panel_priv.h"

enum { CODES = HAQ_PANEL_CODES, LINE = HAQ_PANEL_LINE };

int haq_panel_bits(const int8_t *codes, size_t n)
{
    int lo = 0, hi = 0, bits = 2;
    size_t zeros = 0;

    for (size_t i = 0; i < n; i++) {
        lo = codes[i] < lo ? codes[i] : lo;
        hi = codes[i] > hi ? codes[i] : hi;
        zeros += !codes[i];
    }
    if (!zeros && lo >= -1 && hi <= 1)
        return 1;
    while (lo < -(1 << (bits - 1)) || hi >= 1 << (bits - 1))
        bits++;
    return bits == 7 ? 8 : bits;
}

int haq_panel_shift(int bits)
{
    return bits == 1 ? 6 : 8 - bits;
}

size_t haq_panel_bytes(int bits, size_t codes)
{
    size_t blocks = (codes + CODES - 1) / CODES;
    return bits == 8 ? codes : blocks * LINE * (size_t)bits;
}

/* Bits of the first plane and of the second (0: none). */
static int top_plane(int bits)
{
    return bits >= 4 ? 4 : bits >= 2 ? 2 : 1;
}

/* Put the `width` bits of field into place for code i of a block. */
static void put(uint8_t *plane, int width, size_t i, unsigned field)
{
    size_t vector = i / LINE, per_line = 8 / (size_t)width;
    size_t at = vector % per_line * (size_t)width;
    uint8_t *byte = plane + vector / per_line * LINE + i % LINE;
    *byte |= (uint8_t)(field << (8 - width - (int)at));
}

static unsigned get(const uint8_t *plane, int width, size_t i)
{
    size_t vector = i / LINE, per_line = 8 / (size_t)width;
    size_t at = vector % per_line * (size_t)width;
    unsigned byte = plane[vector / per_line * LINE + i % LINE];
    return (byte >> (8 - width - (int)at)) & ((1u << width) - 1);
}

static void pack_block(uint8_t *dst, const int8_t *codes, size_t n, int bits)
{
    int top = top_plane(bits), rest = bits - top;

    memset(dst, 0, LINE * (size_t)bits);
    for (size_t i = 0; i < n; i++) {
        unsigned code = bits == 1 ? codes[i] < 0 : (uint8_t)codes[i];
        unsigned field = code & ((1u << bits) - 1);
        put(dst, top, i, field >> rest);
        if (rest)
            put(dst + LINE * top, rest, i, field & ((1u << rest) - 1));
    }
}

void haq_panel_pack(void *dst, const int8_t *codes, size_t n, int bits)
{
    uint8_t *to = dst;

    if (bits == 8) {
        memcpy(dst, codes, n);
        return;
    }
    for (; n; to += LINE * bits) {
        size_t some = n < CODES ? n : CODES;
        pack_block(to, codes, some, bits);
        codes += some;
        n -= some;
    }
}

static void unpack(int8_t *dst, const void *src, size_t blocks, int bits)
{
    const uint8_t *from = src;
    int top = top_plane(bits), rest = bits - top;

    for (size_t b = 0; b < blocks; b++, from += LINE * bits)
        for (size_t i = 0; i < CODES; i++) {
            unsigned code = get(from, top, i) << rest;
            if (rest)
                code |= get(from + LINE * top, rest, i);
            uint8_t byte = (uint8_t)(code << (8 - bits));
            if (bits == 1)
                byte = code ? 0xc0 : 0x40; /* -64, 64 */
            *dst++ = (int8_t)byte;
        }
}

static const struct haq_panel_impl impls[] = {
    {"panel_unpack_ref", HAQ_ISA_NONE, unpack},
#ifdef HAQ_ARCH_X86
    {"panel_unpack_avx2", HAQ_ISA_AVX2, haq_panel_unpack_avx2},
    {"panel_unpack_avx512", HAQ_ISA_AVX512, haq_panel_unpack_avx512},
#endif
#ifdef HAQ_ARCH_ARM
    {"panel_unpack_neon", HAQ_ISA_NEON, haq_panel_unpack_neon},
#endif
};

const struct haq_panel_impl *haq_panel_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_panel_impl *haq_panel_select(unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && impls[i].isa & ~isa)
        ; /* the first needs nothing */
    return &impls[i];
}

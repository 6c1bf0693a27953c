/* CPUID leaves of x86, as text:
 *
 *     # leaf subleaf eax ebx ecx edx
 *     00000007 0 00000002 f1bf07ab 00405f4e 00000010
 *     xcr0 00000000000002e7
 *
 * Leaves and bits: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__
#include <cpuid.h>
#endif

#include "hwprofiles/source.h"

enum { LEAVES_MAX = 256 };
static const uint32_t extended_first = 0x80000000;

struct leaf {
    uint32_t leaf, sub;
    uint32_t reg[4]; /* eax ebx ecx edx */
};

struct dump {
    struct leaf leaf[LEAVES_MAX];
    size_t n;
    uint64_t xcr0;
};

/* ---- here -----------------------------------------------------------------
 */

#if defined __x86_64__

/* Leaves that tell of performance, and how many subleaves they may have. */
static const struct {
    uint32_t leaf, subs;
} wanted[] = {
    {0x0, 1},        {0x1, 1},        {0x4, 8},        {0x7, 3},
    {0xd, 2},        {0x1a, 1},       {0x1d, 2},       {0x1e, 2},
    {0x24, 1},       {0x80000000, 1}, {0x80000001, 1}, {0x80000002, 1},
    {0x80000003, 1}, {0x80000004, 1}, {0x80000005, 1}, {0x80000006, 1},
    {0x80000008, 1}, {0x8000001d, 8},
};

static uint64_t read_xcr0(void)
{
    uint32_t a, d;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (uint64_t)d << 32 | a;
}

static haq_status write_leaves(struct haq_buf *out, struct haq_diag *d)
{
    unsigned basic = (unsigned)__get_cpuid_max(0, NULL);
    unsigned extended = (unsigned)__get_cpuid_max(extended_first, NULL);
    unsigned r[4];

    (void)d;
    haq_buf_puts(out, "# leaf subleaf eax ebx ecx edx\n");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        uint32_t leaf = wanted[i].leaf;
        if (leaf > (leaf < extended_first ? basic : extended))
            continue;
        for (uint32_t sub = 0; sub < wanted[i].subs; sub++) {
            __cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
            haq_buf_printf(out, "%08x %x %08x %08x %08x %08x\n", leaf, sub,
                           r[0], r[1], r[2], r[3]);
        }
    }
    __cpuid_count(1, 0, r[0], r[1], r[2], r[3]);
    if (r[2] & bit_OSXSAVE)
        haq_buf_printf(out, "xcr0 %016llx\n", (unsigned long long)read_xcr0());
    return HAQ_OK;
}

#else

static haq_status write_leaves(struct haq_buf *out, struct haq_diag *d)
{
    (void)out, (void)d;
    return HAQ_OK;
}

#endif

/* ---- the text -------------------------------------------------------------
 */

static bool parse_hex(const char **at, uint64_t max, uint64_t *out)
{
    char *end;
    if (!isxdigit((unsigned char)**at))
        return false;
    *out = strtoull(*at, &end, 16);
    if (end - *at > 16 || *out > max)
        return false;
    *at = end + strspn(end, " ");
    return true;
}

static bool parse_leaf(struct dump *c, const char *line)
{
    uint64_t v[6];
    if (c->n == LEAVES_MAX)
        return false;
    for (size_t i = 0; i < 6; i++)
        if (!parse_hex(&line, UINT32_MAX, &v[i]))
            return false;
    c->leaf[c->n++] = (struct leaf){
        (uint32_t)v[0],
        (uint32_t)v[1],
        {(uint32_t)v[2], (uint32_t)v[3], (uint32_t)v[4], (uint32_t)v[5]}};
    return !*line;
}

static bool parse_line(struct dump *c, const char *line)
{
    if (!*line || *line == '#')
        return true;
    if (strncmp(line, "xcr0 ", 5) != 0)
        return parse_leaf(c, line);
    line += 5;
    return parse_hex(&line, UINT64_MAX, &c->xcr0) && !*line;
}

/* Registers of a leaf; zeros when it was not told. */
static const uint32_t *registers(const struct dump *c, uint32_t leaf,
                                 uint32_t sub)
{
    static const uint32_t none[4];
    for (size_t i = 0; i < c->n; i++)
        if (c->leaf[i].leaf == leaf && c->leaf[i].sub == sub)
            return c->leaf[i].reg;
    return none;
}

/* ---- what it says ---------------------------------------------------------
 */

enum reg { EAX, EBX, ECX, EDX };

/* State that the operating system must save for the registers to be usable:
 * bits of XCR0. */
enum { NO_STATE = 0, AVX = 0x6, AVX512 = 0xe6, TILES = 0x60000 };

/* Named as Linux does in /proc/cpuinfo. */
static const struct {
    const char *name;
    uint32_t leaf, sub;
    enum reg reg;
    unsigned bit;
    uint64_t state;
} features[] = {
    {"sse4_2", 1, 0, ECX, 20, NO_STATE},
    {"avx", 1, 0, ECX, 28, AVX},
    {"fma", 1, 0, ECX, 12, AVX},
    {"f16c", 1, 0, ECX, 29, AVX},
    {"avx2", 7, 0, EBX, 5, AVX},
    {"gfni", 7, 0, ECX, 8, NO_STATE},
    {"avx_vnni", 7, 1, EAX, 4, AVX},
    {"avx_vnni_int8", 7, 1, EDX, 4, AVX},
    {"avx_ne_convert", 7, 1, EDX, 5, AVX},
    {"avx512f", 7, 0, EBX, 16, AVX512},
    {"avx512dq", 7, 0, EBX, 17, AVX512},
    {"avx512ifma", 7, 0, EBX, 21, AVX512},
    {"avx512cd", 7, 0, EBX, 28, AVX512},
    {"avx512bw", 7, 0, EBX, 30, AVX512},
    {"avx512vl", 7, 0, EBX, 31, AVX512},
    {"avx512vbmi", 7, 0, ECX, 1, AVX512},
    {"avx512_vbmi2", 7, 0, ECX, 6, AVX512},
    {"avx512_vnni", 7, 0, ECX, 11, AVX512},
    {"avx512_bitalg", 7, 0, ECX, 12, AVX512},
    {"avx512_vpopcntdq", 7, 0, ECX, 14, AVX512},
    {"avx512_bf16", 7, 1, EAX, 5, AVX512},
    {"avx512_fp16", 7, 0, EDX, 23, AVX512},
    {"amx_tile", 7, 0, EDX, 24, TILES},
    {"amx_int8", 7, 0, EDX, 25, TILES},
    {"amx_bf16", 7, 0, EDX, 22, TILES},
    {"amx_fp16", 7, 1, EAX, 21, TILES},
};

static haq_status nomem(struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "CPUID leaves: out of memory");
}

static haq_status take_features(struct haq_machine *m, const struct dump *c,
                                struct haq_diag *d)
{
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        uint32_t r =
            registers(c, features[i].leaf, features[i].sub)[features[i].reg];
        if (!(r >> features[i].bit & 1) ||
            (c->xcr0 & features[i].state) != features[i].state)
            continue;
        const char **name = haq_list_add(&m->features, sizeof *name, &m->arena);
        if (!name)
            return nomem(d);
        *name = features[i].name;
    }
    return HAQ_OK;
}

/* The vendor is told in the order ebx, edx, ecx. */
static haq_status take_vendor(struct haq_machine *m, const struct dump *c,
                              struct haq_diag *d)
{
    const uint32_t *r = registers(c, 0, 0);
    const uint32_t order[] = {r[EBX], r[EDX], r[ECX]};
    char text[sizeof order];
    memcpy(text, order, sizeof order);
    if (!*text)
        return HAQ_OK;
    m->vendor = haq_text_copy(&m->arena, text, strnlen(text, sizeof text));
    return m->vendor ? HAQ_OK : nomem(d);
}

/* The brand string, without the blanks that some pad it with. */
static haq_status take_model(struct haq_machine *m, const struct dump *c,
                             struct haq_diag *d)
{
    enum { PARTS = 3, BYTES = 16 };
    char text[PARTS * BYTES + 1] = "";
    for (uint32_t i = 0; i < PARTS; i++)
        memcpy(text + i * BYTES, registers(c, extended_first + 2 + i, 0),
               BYTES);
    const char *from = text + strspn(text, " ");
    size_t len = strlen(from);
    while (len && from[len - 1] == ' ')
        len--;
    if (!len)
        return HAQ_OK;
    m->model = haq_text_copy(&m->arena, from, len);
    return m->model ? HAQ_OK : nomem(d);
}

/* Signature in eax of leaf 1; the extended family counts for family 15 and the
 * extended model for families 6 and 15. */
static void take_signature(struct haq_machine *m, const struct dump *c)
{
    uint32_t a = registers(c, 1, 0)[EAX], family = a >> 8 & 15;
    m->stepping = a & 15;
    m->family = family + (family == 15 ? a >> 20 & 255 : 0);
    m->model_number =
        (a >> 4 & 15) + (family == 6 || family == 15 ? (a >> 16 & 15) << 4 : 0);
}

haq_status haq_source_cpuid(struct haq_probe *p, struct haq_diag *d)
{
    char *text;
    struct dump *c;
    haq_status s = haq_probe_made(p, "cpuid.txt", write_leaves, &text, NULL, d);

    if (s != HAQ_OK || !text || !*text)
        return s;
    c = haq_arena_alloc(&p->arena, sizeof *c);
    if (!c)
        return nomem(d);
    for (size_t line = 1; text; line++) {
        char *next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        if (!parse_line(c, text))
            return haq_fail(d, HAQ_FORMAT,
                            "%s, line %zu: not \"LEAF SUBLEAF EAX EBX ECX "
                            "EDX\" in hexadecimal, at most %d of them",
                            haq_probe_name(p, "cpuid.txt"), line, LEAVES_MAX);
        text = next;
    }
    take_signature(p->m, c);
    s = take_features(p->m, c, d);
    if (s == HAQ_OK)
        s = take_vendor(p->m, c, d);
    return s == HAQ_OK ? take_model(p->m, c, d) : s;
}

/* Products of codes by tile registers: 16 rows of A times 16 columns of W,
 * up to 64 bytes of the reduction at a time.
 *
 * A packed panel is a stack of W tiles as it stands (16 columns by four bytes,
 * one line a step), so only A needs care.  Rows of a tile must be equally far
 * apart; windows of a convolution mostly are, within a row of pixels.  So each
 * segment of 16 rows is read where it is if its rows are evenly spaced, and
 * copied otherwise; when a segment cannot be cut into equal tiles, or is too
 * short to fill them, the segments of a row are copied one behind the other
 * instead, and cut regardless of where they begin.
 *
 * Four accumulators (two bands of rows by two panels, or four in a line) keep
 * the unit busy; loads stand between the products that they feed. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/gemm_priv.h"

enum {
    BAND = 16,  /* rows of a tile */
    STEPS = 16, /* of four bytes, in a tile */
    LINE = 64,  /* bytes of a step of W, and of a row of a full tile */
    LANES = 4,  /* accumulators in a line */
    /* Fewer rows are faster without tiles: one tile product takes at least half
     * as long as a full one, and loads of W weigh the same. */
    FEW_ROWS = 8,
    /* Cycles, measured: a tile product with its loads; a line of a copy. */
    PRODUCT_COST = 20,
    COPY_COST = 2,
};

/* Operand and accumulator registers, by palette. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row of tile i */
    uint8_t rows[16];
};

/* One band of one segment: tiles lie `next` bytes apart. */
struct source {
    const char *at;
    size_t stride, next;
};

/* How the reduction is cut: `segments` runs of `tiles` tiles of `steps`.  When
 * these do not fit, the last tile begins `back` steps early, with zeros for
 * what A has counted already. */
struct cut {
    size_t segments, tiles, steps, back;
};

struct nest {
    const struct haq_gemm_args *g;
    struct cut cut;
    size_t panel; /* bytes */
    size_t height, bands;
    struct source *sources; /* [bands][cut.segments] */
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t up(size_t n, size_t to)
{
    return (n + to - 1) / to;
}

/* Tiles of equal size that make exactly one segment, at least half full;
 * no tiles if there are none. */
static struct cut cut_where_it_lies(size_t segments, size_t steps)
{
    size_t least = up(steps, STEPS), tiles = least;
    while (steps % tiles && tiles < 2 * least)
        tiles++;
    if (steps % tiles)
        return (struct cut){.segments = segments};
    return (struct cut){segments, tiles, steps / tiles, 0};
}

static struct cut cut_of_copy(size_t segments, size_t steps)
{
    size_t all = segments * steps, tiles = up(all, STEPS);
    struct cut c = {1, tiles, min_size(all, STEPS), 0};
    c.back = c.tiles * c.steps - all;
    return c;
}

static size_t copied_row_bytes(const struct cut *c)
{
    size_t lines = c->segments * c->tiles;
    return (lines | 1) * LINE; /* odd: rows do not share sets of the cache */
}

/* Is copying every row cheaper than more, emptier tiles? */
static bool copying_pays(const struct cut *lying, const struct cut *copied,
                         size_t steps, size_t panels)
{
    size_t more = lying->segments * lying->tiles - copied->tiles;
    size_t lines = lying->segments * up(steps, STEPS);
    return more * panels * PRODUCT_COST > lines * BAND * COPY_COST;
}

static struct cut choose_cut(const struct haq_gemm_args *g)
{
    size_t steps = up(g->seg_len, HAQ_GEMM_KR_INT);
    struct cut lying = cut_where_it_lies(g->segments, steps);
    struct cut copied = cut_of_copy(g->segments, steps);
    if (lying.segments * lying.tiles == copied.tiles)
        return lying;
    return !lying.tiles || copying_pays(&lying, &copied, steps, g->panels)
               ? copied
               : lying;
}

/* Reads whole steps only, writes whole lines. */
static void copy_steps(char *to, const char *from, size_t steps)
{
    for (; steps > STEPS; steps -= STEPS, to += LINE, from += LINE)
        _mm512_storeu_si512(to, _mm512_loadu_si512(from));
    __mmask16 some = (__mmask16)(0xffffU >> (STEPS - steps));
    _mm512_storeu_si512(to, _mm512_maskz_loadu_epi32(some, from));
}

/* The last tile of a copied row: zeros for the steps of the one before. */
static void fill_last(char *row, const struct cut *c)
{
    size_t end = (c->tiles * c->steps - c->back) * HAQ_GEMM_KR_INT;
    __mmask16 rest = (__mmask16)(0xffffU << c->back);
    __m512i last = _mm512_maskz_loadu_epi32(rest, row + end - LINE);
    _mm512_store_si512(row + (c->tiles - 1) * LINE, last);
}

/* Every row as one run of codes, cut into lines.  A store of a whole line may
 * reach into the next row, which is written later. */
static void copy_rows(const struct nest *n, char *to)
{
    const struct haq_gemm_args *g = n->g;
    size_t steps = up(g->seg_len, HAQ_GEMM_KR_INT);
    size_t bytes = steps * HAQ_GEMM_KR_INT, stride = copied_row_bytes(&n->cut);
    for (size_t m = 0; m < g->rows; m++, to += stride) {
        for (size_t s = 0; s < g->segments; s++)
            copy_steps(to + s * bytes, g->a[s * g->rows + m], steps);
        if (n->cut.back)
            fill_last(to, &n->cut);
    }
}

/* The distance from row to row if it is the same everywhere. */
static bool evenly_spaced(const void *const *a, size_t rows, size_t *stride)
{
    const char *first = a[0];
    size_t step = rows > 1 ? (size_t)((const char *)a[1] - first) : LINE;
    size_t odd = 0;
    for (size_t i = 0; i < rows; i++)
        odd |= (size_t)((const char *)a[i] - first) ^ (i * step);
    *stride = step;
    return !odd;
}

/* One band of one segment, tile by tile in lines. */
static struct source copy_band(const struct nest *n, const void *const *a,
                               char *to)
{
    const struct cut *c = &n->cut;
    size_t stride = c->tiles * LINE, bytes = c->steps * HAQ_GEMM_KR_INT;
    for (size_t i = 0; i < n->height; i++)
        for (size_t t = 0; t < c->tiles; t++)
            copy_steps(to + i * stride + t * LINE,
                       (const char *)a[i] + t * bytes, c->steps);
    return (struct source){to, stride, LINE};
}

/* The first row of a band; the last band shares rows with the one before it
 * rather than being lower, so that one configuration serves all. */
static size_t first_row(const struct nest *n, size_t band)
{
    return min_size(band * n->height, n->g->rows - n->height);
}

static void find_sources(struct nest *n, char *room)
{
    size_t segments = n->cut.segments;
    struct source *to = n->sources;
    for (size_t b = 0; b < n->bands; b++)
        for (size_t s = 0; s < segments; s++, to++) {
            const void *const *a = n->g->a + s * n->g->rows + first_row(n, b);
            size_t stride;
            if (evenly_spaced(a, n->height, &stride)) {
                *to = (struct source){a[0], stride,
                                      n->cut.steps * HAQ_GEMM_KR_INT};
                continue;
            }
            *to = copy_band(n, a, room);
            room += n->height * n->cut.tiles * LINE;
        }
}

static void find_copies(struct nest *n, char *room)
{
    size_t stride = copied_row_bytes(&n->cut);
    copy_rows(n, room);
    for (size_t b = 0; b < n->bands; b++)
        n->sources[b] =
            (struct source){room + first_row(n, b) * stride, stride, LINE};
}

static void configure(const struct nest *n)
{
    struct tile_config c = {.palette = 1};
    uint16_t bytes = (uint16_t)(n->cut.steps * HAQ_GEMM_KR_INT);
    for (int i = 0; i < 6; i++) {
        c.rows[i] = (uint8_t)n->height;
        c.bytes[i] = i < 4 ? LINE : bytes; /* accumulators 0..3, A 4 and 5 */
    }
    for (int i = 6; i < 8; i++) {
        c.rows[i] = (uint8_t)n->cut.steps;
        c.bytes[i] = LINE;
    }
    /* The intrinsics of some compilers do not say what memory they touch. */
    __asm__ volatile("" : : "r"(&c) : "memory");
    _tile_loadconfig(&c);
}

/* Where the tiles of W are, panel by panel. */
struct cursor {
    const char *w;
    size_t step, last; /* bytes to the next tile, less for the last one */
};

static struct cursor weights(const struct nest *n, size_t panel)
{
    size_t step = n->cut.steps * LINE;
    return (struct cursor){(const char *)n->g->w + panel * n->panel, step,
                           step - n->cut.back * LINE};
}

static void *out(const struct nest *n, size_t band, size_t panel)
{
    return (int32_t *)n->g->acc + first_row(n, band) * n->g->ldc +
           panel * HAQ_GEMM_NR;
}

/* To the next tile of a segment of which `left` are to come. */
static inline void advance(struct cursor *c, size_t left)
{
    c->w += left == 1 ? c->last : c->step;
}

static void two_by_two(const struct nest *n, size_t band, size_t panel)
{
    const struct source *x = n->sources + band * n->cut.segments;
    const struct source *y = x + n->cut.segments;
    struct cursor c = weights(n, panel);
    size_t ldc = n->g->ldc * sizeof(int32_t);

    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t s = 0; s < n->cut.segments; s++) {
        const char *a = x[s].at, *b = y[s].at;
        for (size_t left = n->cut.tiles; left-- > 0;) {
            _tile_loadd(6, c.w, LINE);
            _tile_loadd(4, a, x[s].stride);
            _tile_dpbusd(0, 4, 6);
            _tile_loadd(7, c.w + n->panel, LINE);
            _tile_dpbusd(1, 4, 7);
            _tile_loadd(5, b, y[s].stride);
            _tile_dpbusd(2, 5, 6);
            _tile_dpbusd(3, 5, 7);
            a += x[s].next;
            b += y[s].next;
            advance(&c, left);
        }
    }
    _tile_stored(0, out(n, band, panel), ldc);
    _tile_stored(1, out(n, band, panel + 1), ldc);
    _tile_stored(2, out(n, band + 1, panel), ldc);
    _tile_stored(3, out(n, band + 1, panel + 1), ldc);
}

/* One band by up to four panels. */
static void along_panels(const struct nest *n, size_t band, size_t panel,
                         size_t count)
{
    const struct source *x = n->sources + band * n->cut.segments;
    struct cursor c = weights(n, panel);
    size_t ldc = n->g->ldc * sizeof(int32_t);

    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t s = 0; s < n->cut.segments; s++) {
        const char *a = x[s].at;
        for (size_t left = n->cut.tiles; left-- > 0; a += x[s].next) {
            _tile_loadd(4, a, x[s].stride);
            _tile_loadd(6, c.w, LINE);
            _tile_dpbusd(0, 4, 6);
            if (count > 1) {
                _tile_loadd(7, c.w + n->panel, LINE);
                _tile_dpbusd(1, 4, 7);
            }
            if (count > 2) {
                _tile_loadd(6, c.w + 2 * n->panel, LINE);
                _tile_dpbusd(2, 4, 6);
            }
            if (count > 3) {
                _tile_loadd(7, c.w + 3 * n->panel, LINE);
                _tile_dpbusd(3, 4, 7);
            }
            advance(&c, left);
        }
    }
    _tile_stored(0, out(n, band, panel), ldc);
    if (count > 1)
        _tile_stored(1, out(n, band, panel + 1), ldc);
    if (count > 2)
        _tile_stored(2, out(n, band, panel + 2), ldc);
    if (count > 3)
        _tile_stored(3, out(n, band, panel + 3), ldc);
}

/* Up to four bands by one panel. */
static void along_bands(const struct nest *n, size_t band, size_t count,
                        size_t panel)
{
    size_t segments = n->cut.segments;
    const struct source *x = n->sources + band * segments;
    struct cursor c = weights(n, panel);
    size_t ldc = n->g->ldc * sizeof(int32_t);

    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t s = 0; s < segments; s++, x++)
        for (size_t t = 0; t < n->cut.tiles; t++) {
            _tile_loadd(6, c.w, LINE);
            _tile_loadd(4, x->at + t * x->next, x->stride);
            _tile_dpbusd(0, 4, 6);
            if (count > 1) {
                const struct source *y = x + segments;
                _tile_loadd(5, y->at + t * y->next, y->stride);
                _tile_dpbusd(1, 5, 6);
            }
            if (count > 2) {
                const struct source *y = x + 2 * segments;
                _tile_loadd(4, y->at + t * y->next, y->stride);
                _tile_dpbusd(2, 4, 6);
            }
            if (count > 3) {
                const struct source *y = x + 3 * segments;
                _tile_loadd(5, y->at + t * y->next, y->stride);
                _tile_dpbusd(3, 5, 6);
            }
            advance(&c, n->cut.tiles - 1 - t);
        }
    _tile_stored(0, out(n, band, panel), ldc);
    if (count > 1)
        _tile_stored(1, out(n, band + 1, panel), ldc);
    if (count > 2)
        _tile_stored(2, out(n, band + 2, panel), ldc);
    if (count > 3)
        _tile_stored(3, out(n, band + 3, panel), ldc);
}

static void run_tiles(const struct nest *n)
{
    size_t pairs = n->g->panels & ~(size_t)1, bands = n->bands & ~(size_t)1;

    for (size_t b = 0; b < bands; b += 2)
        for (size_t p = 0; p < pairs; p += 2)
            two_by_two(n, b, p);
    for (size_t p = 0; bands < n->bands && p < pairs; p += LANES)
        along_panels(n, bands, p, min_size(LANES, pairs - p));
    for (size_t b = 0; pairs < n->g->panels && b < n->bands; b += LANES)
        along_bands(n, b, min_size(LANES, n->bands - b), pairs);
}

static void shift_back(const struct haq_gemm_args *g)
{
    __m128i by = _mm_cvtsi32_si128(g->shift);
    for (size_t m = 0; m < g->rows; m++) {
        int32_t *to = (int32_t *)g->acc + m * g->ldc;
        for (size_t c = 0; c < g->panels * HAQ_GEMM_NR; c += HAQ_GEMM_NR)
            _mm512_storeu_si512(
                to + c, _mm512_sra_epi32(_mm512_loadu_si512(to + c), by));
    }
}

static size_t sources_bytes(size_t bands, size_t segments)
{
    return up(bands * segments * sizeof(struct source), LINE) * LINE;
}

size_t haq_gemm_u8_s8_avx512amx_scratch(size_t rows, size_t segments,
                                        size_t seg_len)
{
    size_t steps = up(seg_len, HAQ_GEMM_KR_INT), bands = up(rows, BAND);
    struct cut lying = cut_where_it_lies(segments, steps);
    struct cut copied = cut_of_copy(segments, steps);
    size_t bytes = bands * BAND * segments * lying.tiles * LINE;
    size_t whole = bands * BAND * copied_row_bytes(&copied);
    return sources_bytes(bands, segments) + (bytes > whole ? bytes : whole) +
           LINE;
}

void haq_gemm_u8_s8_avx512amx(const struct haq_gemm_args *g)
{
    if (g->rows < FEW_ROWS) {
        haq_gemm_u8_s8_avx512vnni(g);
        return;
    }
    size_t bands = up(g->rows, BAND);
    struct nest n = {.g = g,
                     .cut = choose_cut(g),
                     .panel = g->panel_bytes
                                  ? g->panel_bytes
                                  : g->segments *
                                        up(g->seg_len, HAQ_GEMM_KR_INT) *
                                        HAQ_GEMM_KR_INT * HAQ_GEMM_NR,
                     .height = up(g->rows, bands),
                     .bands = bands,
                     .sources = g->scratch};
    char *room = (char *)g->scratch + sources_bytes(bands, n.cut.segments);
    bool lying = n.cut.segments == g->segments && !n.cut.back;
    if (lying)
        find_sources(&n, room);
    else
        find_copies(&n, room);
    configure(&n);
    run_tiles(&n);
    /* Registers in use would be saved at every switch of threads. */
    _tile_release();
    __asm__ volatile("" : : : "memory");
    if (g->shift)
        shift_back(g);
}

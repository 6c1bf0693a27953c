#include "tests/kernels/selfcheck/selfcheck.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"

enum { UNTOUCHED = 0xa5, MOST_COMPLAINTS = 3 };

bool selfcheck_row(struct selfcheck *s, const char *name, unsigned isa)
{
    s->row = name;
    s->cases = 0;
    s->complaints = 0;
    s->where[0] = 0;
    if (isa & ~s->isa) {
        printf("  %-36s left out: needs %s\n", name, haq_cpu_isa_name(isa));
        s->left_out++;
        return false;
    }
    return true;
}

void selfcheck_done(struct selfcheck *s)
{
    if (!s->cases)
        selfcheck_fail(s, "the row was not visited");
    printf("  %-36s %s: %zu cases\n", s->row,
           s->complaints ? "FAILED" : "right", s->cases);
    s->rows++;
    s->failed += s->complaints > 0;
}

void selfcheck_run(struct selfcheck *s, selfcheck_case_fn *run,
                   const void *shape, const char *fmt, ...)
{
    uint64_t from = s->seed;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(s->where, sizeof s->where, fmt, ap);
    va_end(ap);
    s->cases++;
    for (int side = 0; side < GUARD_SIDES; side++) {
        s->seed = from;
        guard_reset(&s->guard, (enum guard_side)side);
        run(s, shape);
        if (!guard_whole(&s->guard))
            selfcheck_fail(s, "wrote outside of a buffer");
    }
}

void selfcheck_fail(struct selfcheck *s, const char *fmt, ...)
{
    va_list ap;

    if (s->complaints++ >= MOST_COMPLAINTS)
        return;
    printf("  %s: %s: ", s->row, s->where);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t pick(struct selfcheck *s, size_t low, size_t high)
{
    return low + (size_t)(next_random(&s->seed) % (high - low + 1));
}

/* Half of the operands are random. */
enum pattern pick_pattern(struct selfcheck *s)
{
    size_t p = pick(s, 0, 2 * PATTERNS - 3);
    return p < PATTERNS ? (enum pattern)p : RANDOM;
}

/* Is element i the largest value, of a pattern without values between? */
static bool at_top(enum pattern p, size_t i, uint64_t random)
{
    return p == GREATEST || (p == ENDS && random >> 63) ||
           (p == PAIRS && i & 2);
}

static int integer(enum pattern p, size_t i, struct range r, uint64_t *seed)
{
    uint64_t random = next_random(seed);
    unsigned values = (unsigned)(r.hi - r.lo) + 1;
    if (p == RANDOM)
        return r.lo + (int)(random % values);
    return at_top(p, i, random) ? r.hi : r.lo;
}

void *codes(struct selfcheck *s, size_t n, size_t slack, struct range range,
            enum pattern p)
{
    uint8_t *x = guard_alloc(&s->guard, n + slack, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)integer(p, i, range, &s->seed);
    for (size_t i = 0; i < slack; i++)
        x[n + i] = (uint8_t)next_random(&s->seed);
    return x;
}

float *floats(struct selfcheck *s, size_t n, float most, enum pattern p)
{
    float *x = guard_alloc(&s->guard, n * sizeof *x, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        uint64_t random = next_random(&s->seed);
        float unit = (float)(random >> 40) / (float)(1 << 23) - 1;
        if (p != RANDOM)
            unit = at_top(p, i, random) ? 1 : -1;
        x[i] = most * unit;
    }
    return x;
}

float *whole_floats(struct selfcheck *s, size_t n, int most, enum pattern p)
{
    float *x = guard_alloc(&s->guard, n * sizeof *x, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)integer(p, i, (struct range){-most, most}, &s->seed);
    return x;
}

int32_t *ints(struct selfcheck *s, size_t n, struct range range, enum pattern p)
{
    int32_t *x = guard_alloc(&s->guard, n * sizeof *x, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = integer(p, i, range, &s->seed);
    return x;
}

const void **code_buffers(struct selfcheck *s, size_t count, size_t n,
                          size_t slack, enum pattern p)
{
    const void **at =
        guard_alloc(&s->guard, count * sizeof *at, sizeof(void *));
    for (size_t i = 0; i < count; i++)
        at[i] = codes(s, n, slack, U8_RANGE, p);
    return at;
}

const void **float_buffers(struct selfcheck *s, size_t count, size_t n,
                           bool whole, enum pattern p)
{
    const void **at =
        guard_alloc(&s->guard, count * sizeof *at, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        float *x = whole_floats(s, n, MOST, p);
        for (size_t k = 0; k < n && !whole; k++)
            x[k] /= 3;
        at[i] = x;
    }
    return at;
}

struct matrix result(struct selfcheck *s, size_t rows, size_t cols, size_t ld,
                     size_t elem)
{
    size_t bytes = ((rows - 1) * ld + cols) * elem;
    return (struct matrix){.at = guard_alloc(&s->guard, bytes, elem),
                           .rows = rows,
                           .cols = cols,
                           .ld = ld,
                           .elem = elem};
}

static const char *row_of(const struct matrix *m, size_t row)
{
    return (const char *)m->at + row * m->ld * m->elem;
}

static void expect_untouched(struct selfcheck *s, const struct matrix *m)
{
    size_t from = m->cols * m->elem, to = m->ld * m->elem;
    for (size_t r = 0; r + 1 < m->rows; r++)
        for (size_t i = from; i < to; i++)
            if ((uint8_t)row_of(m, r)[i] != UNTOUCHED) {
                selfcheck_fail(s, "wrote behind the columns of row %zu", r);
                return;
            }
}

void expect_bits(struct selfcheck *s, const struct matrix *got,
                 const struct matrix *want)
{
    size_t elem = got->elem;

    expect_untouched(s, got);
    for (size_t r = 0; r < got->rows; r++) {
        const char *g = row_of(got, r), *w = row_of(want, r);
        size_t c = 0;
        if (!memcmp(g, w, got->cols * elem))
            continue;
        while (!memcmp(g + c * elem, w + c * elem, elem))
            c++;
        selfcheck_fail(s, "row %zu, column %zu has other bits", r, c);
        return;
    }
}

void expect_near(struct selfcheck *s, const struct matrix *got,
                 const struct matrix *want, const struct matrix *size,
                 double bound)
{
    expect_untouched(s, got);
    for (size_t r = 0; r < got->rows; r++) {
        const float *g = (const void *)row_of(got, r);
        const float *w = (const void *)row_of(want, r);
        const float *m = (const void *)row_of(size, r);
        for (size_t c = 0; c < got->cols; c++) {
            double off = fabs((double)g[c] - (double)w[c]);
            if (off <= bound * (double)m[c])
                continue;
            selfcheck_fail(s, "row %zu, column %zu is %g, not %g", r, c,
                           (double)g[c], (double)w[c]);
            return;
        }
    }
}

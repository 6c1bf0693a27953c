#include "base/cpu.h"
#include "kernels/peak.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_peak_impl *row, *ref;
    size_t turns, lines, streams;
};

/* The operations that a loop says it did leave their trace in its sums. */
static void work(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_peak_work w;
    p->row->work(&w, p->turns);
    double want = p->row->kind == HAQ_PEAK_DOT
                      ? -3 * w.ops
                      : w.ops / 2 / (double)(p->turns ? p->turns : 1);
    if (w.ops < 2 * (double)p->turns || w.sum < want || w.sum > want)
        selfcheck_fail(s, "%g operations leave a sum of %g, not %g", w.ops,
                       w.sum, want);
}

static void reads(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    const void *x = codes(s, p->lines * 1024, 0, U8_RANGE, pick_pattern(s));
    uint64_t got = p->row->read(x, p->lines * 1024, p->streams);
    uint64_t want = p->ref->read(x, p->lines * 1024, p->streams == 4 ? 1 : 4);
    if (got != want)
        selfcheck_fail(s, "words add up to %llx, not %llx",
                       (unsigned long long)got, (unsigned long long)want);
}

void check_peak(struct selfcheck *s)
{
    size_t count;
    const struct haq_peak_impl *rows = haq_peak_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_peak_select(rows[i].kind, HAQ_ISA_NONE);
        for (p.turns = 1; p.turns < 200; p.turns += pick(s, 1, 20)) {
            p.lines = pick(s, 1, 9);
            p.streams = pick(s, 0, 1) ? 4 : 1;
            selfcheck_run(s, rows[i].work ? work : reads, &p,
                          "%zu turns or %zu kB as %zu streams", p.turns,
                          p.lines, p.streams);
        }
        selfcheck_done(s);
    }
}

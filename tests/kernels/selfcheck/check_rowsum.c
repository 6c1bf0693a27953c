#include "kernels/rowsum.h"

#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_rowsum_impl *row, *ref;
    size_t rows, segments, seg_len;
};

static void sums(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct matrix got = result(s, 1, p->rows, p->rows, 4);
    struct matrix want = result(s, 1, p->rows, p->rows, 4);
    struct haq_rowsum_args args = {
        .a = code_buffers(s, p->rows * p->segments, p->seg_len, 0,
                          pick_pattern(s)),
        .rows = p->rows,
        .segments = p->segments,
        .seg_len = p->seg_len,
        .sum = want.at,
    };

    p->ref->run(&args);
    args.sum = got.at;
    p->row->run(&args);
    expect_bits(s, &got, &want);
}

static void check_shape(struct selfcheck *s, struct shape p)
{
    selfcheck_run(s, sums, &p, "%zu rows, %zu segments of %zu", p.rows,
                  p.segments, p.seg_len);
}

void check_rowsum(struct selfcheck *s)
{
    size_t count;
    const struct haq_rowsum_impl *rows = haq_rowsum_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i], .ref = &rows[0]};
        for (size_t len = 1; len < 200; len++) {
            p.rows = pick(s, 1, 9);
            p.segments = pick(s, 1, 9);
            p.seg_len = len;
            check_shape(s, p);
        }
        for (int n = 0; n < 10; n++) /* long rows of the largest code too */
            check_shape(s, (struct shape){p.row, p.ref, 2, 1, 66000});
        selfcheck_done(s);
    }
}

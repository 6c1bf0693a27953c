#include "kernels/panel.h"

#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_panel_impl *row, *ref;
    size_t blocks;
    int bits;
};

/* Any bytes are packed codes. */
static void unpacking(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    size_t n = p->blocks * HAQ_PANEL_CODES;
    const void *packed =
        codes(s, haq_panel_bytes(p->bits, n), 0, U8_RANGE, pick_pattern(s));
    struct matrix want = result(s, 1, n, n, 1), got = want;

    got.at = guard_alloc(&s->guard, n, 64);
    p->ref->unpack(want.at, packed, p->blocks, p->bits);
    p->row->unpack(got.at, packed, p->blocks, p->bits);
    expect_bits(s, &got, &want);
}

void check_panel(struct selfcheck *s)
{
    static const int all_bits[] = {6, 5, 4, 3, 2, 1};
    size_t count;
    const struct haq_panel_impl *rows = haq_panel_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i], .ref = &rows[0]};
        for (size_t b = 0; b < sizeof all_bits / sizeof *all_bits; b++)
            for (p.blocks = 1; p.blocks <= 9; p.blocks++) {
                p.bits = all_bits[b];
                selfcheck_run(s, unpacking, &p, "%d bits, %zu blocks", p.bits,
                              p.blocks);
            }
        selfcheck_done(s);
    }
}

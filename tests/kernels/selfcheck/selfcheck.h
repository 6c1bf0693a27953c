/* tests/kernels/selfcheck/selfcheck.h - every row of every kernel table against
 * the scalar row of its kind.
 *
 * check_<table>.c walks one table: selfcheck_row() for each row, any number of
 * selfcheck_run() on it, selfcheck_done().  A row that had no case fails.
 * tests/lint/check_selfcheck.py fails when a table has no such file.
 *
 * A case is a function that takes its operands from the functions below, runs
 * the row and the reference, and compares.  It is run with guard pages behind
 * every buffer and again with them in front (guard.h), with the same operands.
 */
#ifndef HAQ_TESTS_SELFCHECK_H
#define HAQ_TESTS_SELFCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/kernels/selfcheck/guard.h"

struct selfcheck {
    unsigned isa; /* rows that need more are left out */
    uint64_t seed;
    struct guard guard;
    const char *row; /* being checked */
    char where[160]; /* its case */
    size_t cases;    /* of the row */
    int complaints;  /* of the row */
    size_t rows, left_out, failed;
};

typedef void selfcheck_table_fn(struct selfcheck *s);
selfcheck_table_fn check_codewise, check_dwconv, check_dwconv_f32,
    check_dwconv_rows, check_elementwise, check_epilogue, check_gemm,
    check_gemm_group, check_panel, check_peak, check_pool, check_rowsum;

/* Start with a row: false when the mask leaves it out. */
bool selfcheck_row(struct selfcheck *s, const char *name, unsigned isa);
void selfcheck_done(struct selfcheck *s);

typedef void selfcheck_case_fn(struct selfcheck *s, const void *shape);

/* Run a case on both sides; the text says which one it is. */
void selfcheck_run(struct selfcheck *s, selfcheck_case_fn *run,
                   const void *shape, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The case found something wrong. */
void selfcheck_fail(struct selfcheck *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- operands, guarded ---- */

/* What makes an accumulator overflow, saturate or cancel. */
enum pattern {
    RANDOM,
    LEAST,    /* all the smallest value */
    GREATEST, /* all the largest */
    ENDS,     /* smallest or largest at random */
    PAIRS,    /* smallest, smallest, largest, largest, ... */
    PATTERNS
};

size_t pick(struct selfcheck *s, size_t low, size_t high);
enum pattern pick_pattern(struct selfcheck *s);

struct range {
    int lo, hi;
};
#define U8_RANGE ((struct range){0, 255})
#define S8_RANGE ((struct range){-128, 127})

/* n codes within the range, and `slack` more bytes of anything. */
void *codes(struct selfcheck *s, size_t n, size_t slack, struct range range,
            enum pattern p);
/* n floats within -most .. most */
float *floats(struct selfcheck *s, size_t n, float most, enum pattern p);
/* The same, whole numbers: their sums of products are exact below 2^24, in any
 * order, so a float row must have the reference's bits. */
float *whole_floats(struct selfcheck *s, size_t n, int most, enum pattern p);
/* n integers within the range */
int32_t *ints(struct selfcheck *s, size_t n, struct range range,
              enum pattern p);

enum { MOST = 15 };

/* `count` buffers of n codes of U8_RANGE, with `slack` more bytes each; or of n
 * floats, whole within -MOST .. MOST or divided by 3. */
const void **code_buffers(struct selfcheck *s, size_t count, size_t n,
                          size_t slack, enum pattern p);
const void **float_buffers(struct selfcheck *s, size_t count, size_t n,
                           bool whole, enum pattern p);

/* ---- results ---- */

/* rows x cols elements of `elem` bytes, `ld` from row to row; nothing follows
 * the last column of the last row. */
struct matrix {
    void *at;
    size_t rows, cols, ld, elem;
};

struct matrix result(struct selfcheck *s, size_t rows, size_t cols, size_t ld,
                     size_t elem);

/* Complain unless both have the same bits, and `got` is untouched between its
 * rows. */
void expect_bits(struct selfcheck *s, const struct matrix *got,
                 const struct matrix *want);

/* Of floats: complain unless |got - want| <= bound * size, element by element;
 * the rest as above. */
void expect_near(struct selfcheck *s, const struct matrix *got,
                 const struct matrix *want, const struct matrix *size,
                 double bound);

#endif

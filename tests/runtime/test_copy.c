/* Strided copies against the definition. */
#include "runtime/copy.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/suite.h"

enum { SIDE = 37, ROOM = SIDE * SIDE * 3 * 8 };

static unsigned char from[ROOM], to[ROOM], want[ROOM];

static void define(const struct haq_copy *c)
{
    ptrdiff_t z = (ptrdiff_t)c->size;
    for (size_t r = 0; r < c->rows; r++)
        for (size_t i = 0; i < c->cols; i++) {
            ptrdiff_t y = (ptrdiff_t)r * c->y_row + (ptrdiff_t)i * c->y_col;
            ptrdiff_t x = (ptrdiff_t)r * c->x_row + (ptrdiff_t)i * c->x_col;
            memcpy(want + y * z, from + x * z, c->size);
        }
}

/* With these strides in x and y: every shape, every size. */
static void check(struct haq_copy c, bool y_by_cols, bool x_by_rows)
{
    static const size_t sizes[] = {1, 4, 8};
    for (int s = 0; s < 3; s++)
        for (size_t rows = 1; rows <= SIDE; rows++)
            for (size_t cols = 1; cols <= SIDE; cols++) {
                c.rows = rows, c.cols = cols, c.size = sizes[s];
                if (y_by_cols)
                    c.y_row = (ptrdiff_t)cols;
                if (x_by_rows)
                    c.x_col = (ptrdiff_t)rows;
                memset(to, 0x5a, sizeof to);
                memset(want, 0x5a, sizeof want);
                define(&c);
                haq_copy_run((char *)to, (const char *)from, &c);
                CU_ASSERT(!memcmp(to, want, sizeof to));
            }
}

static void every_shape_is_the_definition(void)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (unsigned char)next_random(&seed);
    check((struct haq_copy){.y_row = SIDE, .y_col = 1, .x_row = 2, .x_col = 1},
          false, false);
    check((struct haq_copy){.y_col = 1, .x_row = 1}, true, true);
    check((struct haq_copy){.y_row = SIDE, .y_col = 1, .x_row = 1}, false,
          true);
    check((struct haq_copy){.y_row = SIDE * 3, .y_col = 2, .x_row = 1}, false,
          true);
    check((struct haq_copy){.y_col = 1, .x_row = 3, .x_col = 0}, true, false);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_shape_is_the_definition),
        CU_TEST_INFO_NULL,
    };
    return run_suite("copies", tests);
}

/* runtime/copy.h - elements from one strided matrix to another.
 *
 *     y[r * y_row + c * y_col] = x[r * x_row + c * x_col]
 *
 * Short runs, transpositions and the planes of an image have loops of their
 * own: most copies of a network are one of these.
 */
#ifndef HAQ_RUNTIME_COPY_H
#define HAQ_RUNTIME_COPY_H

#include <stddef.h>

struct haq_copy {
    size_t rows, cols;
    ptrdiff_t y_row, y_col, x_row, x_col; /* elements; 0 repeats */
    size_t size;                          /* bytes of an element: 1, 4, 8 */
};

/* x and y do not overlap; nothing else is read or written. */
void haq_copy_run(char *y, const char *x, const struct haq_copy *c);

#endif

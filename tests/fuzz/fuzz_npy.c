/* Any bytes give a status or an array whose every element can be read. */
#include <stdlib.h>

#include "base/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haq_array a;
    struct haq_diag d;
    double sum = 0;

    if (haq_npy_parse("input", data, size, &a, &d))
        return 0;
    size_t count = 1;
    for (int i = 0; i < a.rank; i++)
        count *= (size_t)a.dims[i];
    if (count != a.count)
        abort();
    for (size_t i = 0; i < a.count; i++)
        sum += haq_dtype_get(a.dtype, a.data, i);
    haq_array_fini(&a);
    (void)sum;
    return 0;
}

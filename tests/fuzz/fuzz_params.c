/* libFuzzer entry: bytes as a safetensors file. */
#include <stdint.h>

#include "quant/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haq_diag d;
    struct haq_params *p = NULL;
    if (!haq_params_parse(&p, "fuzz", data, size, &d))
        haq_params_free(p);
    return 0;
}

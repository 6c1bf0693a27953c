/* libFuzzer target: clang -fsanitize=fuzzer,address,undefined. Any bytes give a
 * status; what decodes encodes again to something that decodes the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haq_msg m, again;
    struct haq_arena a;
    struct haq_buf b;
    struct haq_diag d;

    haq_arena_init(&a);
    haq_buf_init(&b);
    if (haq_msg_decode(&m, &a, data, size, &d) == HAQ_OK) {
        if (haq_msg_encode(&m, &b, &d) != HAQ_OK ||
            haq_msg_decode(&again, &a, b.data, b.len, &d) != HAQ_OK ||
            again.present != m.present || again.kind != m.kind)
            abort();
    }
    haq_buf_fini(&b);
    haq_arena_fini(&a);
    return 0;
}

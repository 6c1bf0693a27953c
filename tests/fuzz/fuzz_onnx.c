/* libFuzzer target: any bytes must import or be refused with a sentence.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... && ./fuzz_onnx corpus/
 */
#include <stdlib.h>

#include "graph/dump.h"
#include "graph/layers.h"
#include "graph/onnx_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    struct haq_layers table;

    if (haq_onnx_parse(&g, "fuzz", data, size, NULL, &d)) {
        if (g || !d.text[0])
            abort();
        return 0;
    }
    if (!haq_layers_make(&table, g, "fuzz", &d))
        haq_layers_fini(&table);
    haq_graph_free(g);
    return 0;
}

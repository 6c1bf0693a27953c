/* libFuzzer entry: bytes as a recipe's JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "quant/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haq_diag d;
    struct haq_recipe r;
    json_t *j = NULL;
    char id[HAQ_HASH_HEX];
    if (haq_json_parse("fuzz", (const char *)data, size, &j, &d))
        return 0;
    if (!haq_recipe_from_json(&r, j, "fuzz", &d)) {
        if (haq_recipe_id(&r, id, &d))
            abort(); /* what was read can be written */
        haq_recipe_fini(&r);
    }
    json_decref(j);
    return 0;
}

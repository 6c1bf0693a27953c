#include "quant/export/export.h"

#include <string.h>

#include "quant/export/targets.h"

const struct haq_exporter haq_exporters[] = {
    {"onnx-qdq", ".onnx",
     "ONNX with QuantizeLinear/DequantizeLinear pairs (weights without groups "
     "and zero points, kept in int8; static activations)",
     haq_export_onnx_qdq},
    {"recipe", ".json", "the recipe and its parameters (all formats)",
     haq_export_recipe},
    {NULL, NULL, NULL, NULL},
};

const struct haq_exporter *haq_exporter_find(const char *name)
{
    for (const struct haq_exporter *e = haq_exporters; e->name; e++)
        if (!strcmp(e->name, name))
            return e;
    return NULL;
}

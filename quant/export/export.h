/* quant/export/export.h - a recipe leaves the house: one row per target. */
#ifndef HAQ_QUANT_EXPORT_EXPORT_H
#define HAQ_QUANT_EXPORT_EXPORT_H

#include "quant/params.h"
#include "quant/recipe.h"

struct haq_export_job {
    const char *model_path;
    const struct haq_recipe *recipe;
    const struct haq_params *params; /* complete: see haq_params_make */
    const char *out_path;
};

struct haq_exporter {
    const char *name;      /* "onnx-qdq", "recipe" */
    const char *extension; /* ".onnx" */
    const char *summary;   /* one line for --help */
    /* HAQ_UNSUPPORTED names every layer the target cannot express, and why. */
    haq_status (*run)(const struct haq_export_job *job, struct haq_diag *d);
};

extern const struct haq_exporter haq_exporters[]; /* ends with a NULL name */
const struct haq_exporter *haq_exporter_find(const char *name); /* or NULL */

#endif

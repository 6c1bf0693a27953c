/* quant/export/targets.h - one run function per target, for the table in
 * export.c alone; the contract is struct haq_exporter's. */
#ifndef HAQ_QUANT_EXPORT_TARGETS_H
#define HAQ_QUANT_EXPORT_TARGETS_H

#include "quant/export/export.h"

haq_status haq_export_onnx_qdq(const struct haq_export_job *job,
                               struct haq_diag *d);
haq_status haq_export_recipe(const struct haq_export_job *job,
                             struct haq_diag *d);

#endif

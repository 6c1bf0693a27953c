/* wire/taskkind.h - what coordinator and worker must both know of a task kind.
 *
 * The data a kind reads decides what its key depends on (architecture, "Task");
 * whether it times the device decides where its result is valid and that it
 * must run alone.
 */
#ifndef HAQ_WIRE_TASKKIND_H
#define HAQ_WIRE_TASKKIND_H

#include <stdbool.h>

enum haq_task_data { HAQ_TASK_NO_DATA, HAQ_TASK_CALIB, HAQ_TASK_EVAL };

struct haq_task_kind {
    const char *name;
    enum haq_task_data data;
    bool timed; /* valid on this device only, and needs it alone */
};

extern const struct haq_task_kind haq_task_kinds[]; /* ends with a NULL name */
const struct haq_task_kind *haq_task_kind_find(const char *name); /* or NULL */

#endif

/* coordinator/driver_search.h - search/search.h as the driver of a job.
 *
 * The owner fills in `config` but for what is in the model and data files
 * (metric and its kind, samples, hashes): that comes with the facts.
 */
#ifndef HAQ_COORDINATOR_DRIVER_SEARCH_H
#define HAQ_COORDINATOR_DRIVER_SEARCH_H

#include "coordinator/driver.h"
#include "search/search.h"

struct haq_search_driver {
    struct haq_search_config config;
    struct haq_facts facts; /* copy, without its JSON */
    char device[400];       /* where latencies are valid */
    struct haq_layers layers;
    json_t *layers_json;
    struct haq_search *search; /* NULL until started */
    char *recipe;              /* of the latest need */
};

extern const struct haq_driver_ops haq_search_driver_ops;

void haq_search_driver_fini(struct haq_search_driver *s);

#endif

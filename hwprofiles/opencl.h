/* hwprofiles/opencl.h - OpenCL platforms as a source of devices. */
#ifndef HAQ_HWPROFILES_OPENCL_H
#define HAQ_HWPROFILES_OPENCL_H

#include "hwprofiles/machine.h"

/* Fill m->cl from every platform the loader knows, in its order.  None (no
 * driver installed, or built without OpenCL) is not an error. HAQ_NOMEM. */
haq_status haq_opencl_probe(struct haq_machine *m, struct haq_diag *d);

#endif

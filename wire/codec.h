/* wire/codec.h - messages to msgpack bytes and back, with suspicion.
 *
 * msgpack-c allocates whatever a peer declares (five bytes may ask for 96 GiB),
 * so bytes pass haq_wire_scan, which allocates nothing, before they reach it.
 */
#ifndef HAQ_WIRE_CODEC_H
#define HAQ_WIRE_CODEC_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wire/msg.h"

enum { HAQ_WIRE_MAX_DEPTH = 8, HAQ_WIRE_MAX_NODES = 4096 };

/* Are these bytes exactly one msgpack object that is cheap to unpack?
 * HAQ_FORMAT: truncated, trailing bytes, nested deeper than HAQ_WIRE_MAX_DEPTH,
 * more than HAQ_WIRE_MAX_NODES objects, a count larger than the bytes left, an
 * extension type or the reserved byte 0xc1, longer than HAQ_WIRE_MAX_BYTES. */
haq_status haq_wire_scan(const void *data, size_t len, struct haq_diag *d);

/* Append the message to out.  Fields are written in the order of their keys:
 * equal messages give equal bytes.
 * HAQ_INVALID  a field over its limit, or text that is not UTF-8 (a path, say);
 *              out is unchanged
 * HAQ_NOMEM
 * A missing or foreign field is a bug and asserts. */
haq_status haq_msg_encode(const struct haq_msg *m, struct haq_buf *out,
                          struct haq_diag *d);

/* Read one message; texts and bytes are copied to the arena.
 * HAQ_FORMAT       breaks the scan's rules, is no map, lacks a required field,
 *                  has one twice, of another type or over its limit, text that
 *                  is not UTF-8 or holds a NUL
 * HAQ_UNSUPPORTED  another protocol version, or a kind that is not in the
 *                  table (named)
 * HAQ_NOMEM
 * Unknown keys are ignored. */
haq_status haq_msg_decode(struct haq_msg *out, struct haq_arena *a,
                          const void *data, size_t len, struct haq_diag *d);

#endif

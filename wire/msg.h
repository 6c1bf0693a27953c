/* wire/msg.h - what coordinator and workers say to each other: one table.
 *
 * A message is one msgpack map with small integer keys:
 *
 *     {0: protocol version, 1: "task", 20: task id, 21: fence, ...}
 *
 * Every field of every message is a row of HAQ_FIELD_MAP, every message a row
 * of HAQ_MSG_MAP that says which fields it must and may carry. Codec, tests and
 * fuzzers walk these two tables; a row is all that a new message needs.
 *
 *     worker                                coordinator
 *       | hello  --------------------------->  |   I am here
 *       | <-------------------------------  open   load this model and data
 *       | ready | refused  ----------------->  |   layer table, or the reason
 *       | <-------------------------------  task   under a lease with a fence
 *       | result | release  ---------------->  |   the answer, or the lease
 * back | <-------------------------------  ping | pong
 * ---------------------------->  |   at any time, also while busy |
 * <-------------------------------  bye    stop; the worker sends bye | bye
 * ----------------------------->  |   when it leaves by itself
 */
#ifndef HAQ_WIRE_MSG_H
#define HAQ_WIRE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    HAQ_WIRE_VERSION = 1,
    HAQ_WIRE_KEY_VERSION = 0,
    HAQ_WIRE_KEY_KIND = 1,
    HAQ_WIRE_MAX_BYTES = 8 << 20 /* of one message, also ZMQ_MAXMSGSIZE */
};

enum haq_field_type {
    HAQ_FIELD_UINT, /* limit: largest value */
    HAQ_FIELD_TEXT, /* limit: bytes of UTF-8 without NUL; JSON is text */
    HAQ_FIELD_BYTES /* limit: bytes */
};

/* id, key on the wire, name, type, limit */
#define HAQ_FIELD_MAP(X)                                                       \
    X(BUILD, 2, "build", TEXT, 64)                                             \
    X(PID, 3, "pid", UINT, UINT32_MAX)                                         \
    X(THREADS, 4, "threads", UINT, 65536)                                      \
    X(HOST, 5, "host", TEXT, 255)                                              \
    X(MODEL, 6, "model", TEXT, 4096)         /* local path */                  \
    X(CALIB, 7, "calib", TEXT, 8192)         /* local path or pair */          \
    X(EVAL, 8, "eval", TEXT, 8192)           /* local path or pair */          \
    X(MODEL_HASH, 9, "model_hash", TEXT, 64) /* SHA-256 in hex, or "" */       \
    X(CALIB_HASH, 10, "calib_hash", TEXT, 64)                                  \
    X(EVAL_HASH, 11, "eval_hash", TEXT, 64)                                    \
    X(METRIC, 12, "metric", TEXT, 32)                                          \
    X(DIMS, 13, "dims", TEXT, 4096)            /* JSON {"N": 1} */             \
    X(ISA, 14, "isa", UINT, UINT32_MAX)        /* mask of base/cpu.h */        \
    X(LAYERS, 15, "layers", TEXT, 4 << 20)     /* JSON of graph/layers.h */    \
    X(WHERE, 16, "where", TEXT, 8192)          /* JSON {kind: where it ran} */ \
    X(SAMPLES, 17, "samples", UINT, INT64_MAX) /* of the evaluation set */     \
    X(STATUS, 18, "status", TEXT, 16)          /* name in base/status.h */     \
    X(REASON, 19, "reason", TEXT, 400)                                         \
    X(TASK, 20, "task", UINT, UINT64_MAX)                                      \
    X(FENCE, 21, "fence", UINT, UINT64_MAX)                                    \
    X(KIND, 22, "kind", TEXT, 32)                                              \
    X(RECIPE, 23, "recipe", TEXT, 2 << 20) /* JSON; absent: float model */     \
    X(PARAMS, 24, "params", TEXT, 8192)    /* JSON object */                   \
    X(DEADLINE_MS, 25, "deadline_ms", UINT, UINT32_MAX)                        \
    X(RESULT, 26, "result", TEXT, 2 << 20) /* JSON */                          \
    X(SCORES, 27, "scores", BYTES, 4 << 20)                                    \
    X(SEQUENCE, 28, "sequence", UINT, UINT64_MAX)                              \
    X(HIGHER, 29, "higher_is_better", UINT, 1) /* of the metric */             \
    X(POINTS, 30, "points", UINT, 1)           /* its unit is percent */

enum haq_field {
#define X(id, key, name, type, limit) HAQ_F_##id,
    HAQ_FIELD_MAP(X)
#undef X
        HAQ_FIELD_COUNT
};

#define HAQ_F(id) (UINT64_C(1) << HAQ_F_##id)

/* id, name, required fields, optional fields */
#define HAQ_MSG_MAP(X)                                                         \
    X(HELLO, "hello",                                                          \
      HAQ_F(BUILD) | HAQ_F(PID) | HAQ_F(THREADS) | HAQ_F(HOST), 0)             \
    X(OPEN, "open", HAQ_F(MODEL) | HAQ_F(ISA) | HAQ_F(THREADS),                \
      HAQ_F(CALIB) | HAQ_F(EVAL) | HAQ_F(METRIC) | HAQ_F(DIMS) |               \
          HAQ_F(MODEL_HASH) | HAQ_F(CALIB_HASH) | HAQ_F(EVAL_HASH))            \
    X(READY, "ready",                                                          \
      HAQ_F(LAYERS) | HAQ_F(WHERE) | HAQ_F(METRIC) | HAQ_F(HIGHER) |           \
          HAQ_F(POINTS) | HAQ_F(SAMPLES) | HAQ_F(MODEL_HASH) |                 \
          HAQ_F(CALIB_HASH) | HAQ_F(EVAL_HASH),                                \
      0)                                                                       \
    X(REFUSED, "refused", HAQ_F(STATUS) | HAQ_F(REASON), 0)                    \
    X(TASK, "task",                                                            \
      HAQ_F(TASK) | HAQ_F(FENCE) | HAQ_F(KIND) | HAQ_F(PARAMS) |               \
          HAQ_F(DEADLINE_MS),                                                  \
      HAQ_F(RECIPE))                                                           \
    X(RESULT, "result", HAQ_F(TASK) | HAQ_F(FENCE) | HAQ_F(STATUS),            \
      HAQ_F(REASON) | HAQ_F(RESULT) | HAQ_F(SCORES))                           \
    X(RELEASE, "release", HAQ_F(TASK) | HAQ_F(FENCE), 0)                       \
    X(PING, "ping", HAQ_F(SEQUENCE), 0)                                        \
    X(PONG, "pong", HAQ_F(SEQUENCE), 0)                                        \
    X(BYE, "bye", 0, HAQ_F(REASON))

enum haq_msg_kind {
#define X(id, name, required, optional) HAQ_MSG_##id,
    HAQ_MSG_MAP(X)
#undef X
        HAQ_MSG_COUNT
};

struct haq_field_info {
    unsigned key;
    const char *name;
    enum haq_field_type type;
    uint64_t limit;
};

struct haq_msg_info {
    const char *name;
    uint64_t required, optional; /* masks of HAQ_F() bits */
};

const struct haq_field_info *haq_field_info(enum haq_field f);
const struct haq_msg_info *haq_msg_info(enum haq_msg_kind k);

/* Kind with that name, or -1. */
int haq_msg_find(const char *name, size_t len);
/* Field with that key, or -1. */
int haq_field_find(uint64_t key);

struct haq_field_value {
    uint64_t u;       /* HAQ_FIELD_UINT */
    const char *data; /* text (NUL-terminated) or bytes; borrowed */
    size_t len;
};

/* A message in memory: a kind and the fields that are present. */
struct haq_msg {
    enum haq_msg_kind kind;
    uint64_t present; /* mask of HAQ_F() bits */
    struct haq_field_value value[HAQ_FIELD_COUNT];
};

void haq_msg_init(struct haq_msg *m, enum haq_msg_kind kind);
void haq_msg_set_uint(struct haq_msg *m, enum haq_field f, uint64_t v);
/* Texts and bytes are borrowed until the message is encoded; a NULL text leaves
 * the field out. */
void haq_msg_set_text(struct haq_msg *m, enum haq_field f, const char *text);
void haq_msg_set_bytes(struct haq_msg *m, enum haq_field f, const void *data,
                       size_t len);

bool haq_msg_has(const struct haq_msg *m, enum haq_field f);
/* 0 and NULL when the field is absent. */
uint64_t haq_msg_uint(const struct haq_msg *m, enum haq_field f);
const char *haq_msg_text(const struct haq_msg *m, enum haq_field f);

/* Statuses travel by name ("INVALID"), so that their numbers may change.  An
 * unknown name reads as HAQ_FAILED. */
const char *haq_msg_status_name(haq_status s);
haq_status haq_msg_status(const char *name);

#endif

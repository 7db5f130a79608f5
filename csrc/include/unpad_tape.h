/* A cell of one's own: its step, as operations on arrays of a row a sequence, taken along sequences. What is promised is
 * what unpad_kernels.h promises.
 *
 * Steps are packed: those at the first time of all sequences, longest first, then those at the second, and so on.
 */
#ifndef UNPAD_TAPE_H
#define UNPAD_TAPE_H

#include "unpad_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  UNPAD_TAPE_SPACE = 0,         /* an array of work space: a row is forgotten after its step */
  UNPAD_TAPE_STEPS = 1,         /* (steps, width), contiguous */
  UNPAD_TAPE_SHARED = 2,        /* (rows, width), read only: its row 0 by all steps alike, or all of it as the right factor
                                   of a product */
  UNPAD_TAPE_STATE = 3          /* what the step before has handed on: read only */
};

typedef struct {
  int64_t kind;
  int64_t width;                /* numbers in a row */
  void *data;                   /* STEPS, SHARED; STATE: (steps, width) out, what each step has started from, or null */
  const void *start;            /* STATE: (sequences, width), longest first, or null for zeros */
  const void *coming;           /* STATE: (steps, width), added to what each step starts from, or null */
  int64_t after;                /* STATE: the array of STEPS that holds what each step hands on */
  int64_t rows;                 /* SHARED */
  int64_t stride;               /* SHARED: elements from stored row to stored row */
  int64_t transposed;           /* SHARED: 1: stored as (width, rows), and a factor of products alone */
} unpad_tape_array;

enum {
  UNPAD_TAPE_PRODUCT = 0,       /* b + a @ factor; without b where that is -1 */
  UNPAD_TAPE_ADD = 1,
  UNPAD_TAPE_SUB = 2,
  UNPAD_TAPE_MUL = 3,
  UNPAD_TAPE_DIV = 4,
  UNPAD_TAPE_WHERE_ABOVE = 5,   /* a where b > number, else 0: where b is NaN too */
  UNPAD_TAPE_COPY = 6,          /* of a, as all that follow, whose b is -1 */
  UNPAD_TAPE_TANH = 7,
  UNPAD_TAPE_SIGMOID = 8,
  UNPAD_TAPE_RELU = 9,
  UNPAD_TAPE_EXP = 10,
  UNPAD_TAPE_SUM = 11           /* one number of each row */
};

/* One operation, on columns of arrays. `each` is 1 where an operand has a number for each one of the outcome, and 0 where
 * it has one for all of a row, as only a and b of ADD to COPY and b of PRODUCT may. */
typedef struct {
  int64_t op;
  int64_t width;                /* numbers of a row of the outcome; SUM: of a row of a */
  int64_t out;                  /* SPACE or STEPS; of PRODUCT another array than a */
  int64_t out_column;
  int64_t a;                    /* an array; of ADD to DIV also -1: `number` */
  int64_t a_column;
  int64_t a_each;
  int64_t b;                    /* the same */
  int64_t b_column;
  int64_t b_each;
  int64_t factor;               /* PRODUCT: (rows, width) of SHARED, rows as many as the columns of a that are read */
  double number;
} unpad_tape_operation;

typedef struct {
  const unpad_tape_array *arrays;
  const unpad_tape_operation *operations;
  const int64_t *active;        /* (times) the sequences that have a step at each time: never rising, at least 1 */
  int64_t array_count;
  int64_t operation_count;
  int64_t times;
  int64_t steps;                /* the sum of `active` */
  int64_t back;                 /* 1: from each sequence's last time to its first */
} unpad_tape;

/* At most `threads` threads walk some sequences each. The bits of a row depend neither on them nor on other rows. */
UNPAD_API int32_t unpad_tape_walk(int32_t dtype, int32_t threads, const unpad_tape *tape);

#ifdef __cplusplus
}
#endif

#endif

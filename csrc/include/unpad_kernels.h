/* Recurrent layers over sequences laid end to end: the C interface.
 *
 * A batch is `steps` rows; sequence b owns rows offsets[b] .. offsets[b + 1]. A matrix product projects the inputs of
 * all steps (`gates`), the kernel walks the recurrence, and from `d_gates` matrix products make the gradients of the
 * weights and of the inputs. The products are given with the walk, so that a layer is one call either way.
 *
 * All arrays are row-major, of the problem's dtype. Strides count elements from one step to the next, so that both
 * directions of a bidirectional layer can share one (steps, 2 * hidden) output and one (steps, 2 * G * hidden) gates
 * array. Columns of a row are contiguous. G is 4 for LSTM (order i, f, c, o), 3 for GRU (z, r, h), 2 for MGU (f, h),
 * 1 for SimpleRNN, and recurrent kernels are (hidden, G * hidden), as in Keras.
 *
 * What is promised: the bits of a sequence's results depend neither on the number of threads nor on the other
 * sequences of the batch, as long as the instruction set is the same.
 *
 * Indices are looked at before anything is read by them: offsets that do not rise from 0 to steps are refused. That
 * arrays are as long as the sizes say is the caller's to know.
 */
#ifndef UNPAD_KERNELS_H
#define UNPAD_KERNELS_H

#include <stdint.h>

#if defined(__GNUC__)
#define UNPAD_API __attribute__((visibility("default")))
#else
#define UNPAD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Rounded: arrays of float32, of which each factor of a product is rounded to bfloat16 (to the nearest, ties to even)
 * where it is read; sums, and all that is no matrix product, are float32. Taken by unpad_products and by recurrent
 * layers, of which the products of the states too are such. */
enum { UNPAD_FLOAT32 = 0, UNPAD_FLOAT64 = 1, UNPAD_ROUNDED = 2 };

enum { UNPAD_TANH = 0, UNPAD_SIGMOID = 1, UNPAD_RELU = 2, UNPAD_LINEAR = 3, UNPAD_HARD_SIGMOID = 4 };

/* Beside tanh, activations that unpad_pointwise_forward knows: x sigmoid(x), and x where positive, else
 * alpha (exp(x) - 1), of which all is multiplied by scale. */
enum { UNPAD_SILU = 5, UNPAD_ELU = 6 };

/* Cells. GRU differs in where the reset gate acts: after the product with the recurrent kernel, or before it. MGU is
 * the minimal gated unit, whose one gate resets and updates. */
enum {
  UNPAD_LSTM = 0,
  UNPAD_GRU_RESET_AFTER = 1,
  UNPAD_GRU_RESET_BEFORE = 2,
  UNPAD_SIMPLE_RNN = 3,
  UNPAD_MGU = 4
};

enum {
  UNPAD_OK = 0,
  UNPAD_NULL_POINTER = 1,   /* an array that the call needs is null */
  UNPAD_BAD_SIZE = 2,       /* a negative size, a stride shorter than a row, or a size whose product overflows */
  UNPAD_BAD_ENUM = 3,       /* an unknown dtype, activation, cell, instruction set, number of masks, or flag */
  UNPAD_OUT_OF_MEMORY = 4,  /* the work space could not be had */
  UNPAD_BAD_INDEX = 5       /* offsets or starts that do not rise from 0 to their end, or an index out of its range */
};

typedef struct {
  int64_t cell;
  int64_t dtype;
  int64_t activation;
  int64_t recurrent_activation; /* not used by SimpleRNN */
  int64_t keep;                 /* forward: 1 keeps in gates and saved what backward needs; 0 is inference */
  int64_t threads;              /* at most this many; small problems use fewer unless plan says otherwise */
  int64_t directions;           /* 1 or 2 */
  int64_t masks;                /* recurrent dropout: 0 none, 1 one mask for all gates, G one mask a gate (Keras) */
  int64_t plan;                 /* 0 chooses. For tests: exactly `threads` threads that 1 deal out the sequences,
                                   2 deal out the hidden units */
  int64_t steps;
  int64_t batch;
  int64_t hidden;
  const int64_t *offsets;       /* (batch + 1) */
} unpad_problem;

/* One direction of a forward pass. */
typedef struct {
  const void *recurrent_kernel; /* (hidden, G * hidden) */
  const void *recurrent_bias;   /* (3 * hidden) or null; GRU with reset_after only */
  const void *initial_h;        /* (batch, hidden) or null for zeros */
  const void *initial_c;        /* the same; LSTM only */
  const void *mask;             /* (batch, masks, hidden), multiplies h before its product; null if masks = 0 */
  const void *projected;        /* (steps, G * hidden) the projected inputs; with row_of (rows, G * hidden) */
  const int64_t *row_of;        /* (steps) which row of `projected` a step reads; null: each its own */
  void *gates;                  /* (steps, G * hidden) out: activated gates if keep; GRU reset before and MGU use it as
                                   scratch if not. Else, and for SimpleRNN, not used, may be null. May be `projected` without
                                   row_of */
  void *h;                      /* (steps, hidden) out */
  void *saved;                  /* (steps, hidden) out if keep, may be null if not. LSTM: cells; GRU reset_after:
                                   h @ R_h + b_h; GRU reset before and MGU: r * h or f * h, the operand of R_h;
                                   SimpleRNN: not used */
  void *final_h;                /* (batch, hidden) out; an empty sequence gives back its initial state */
  void *final_c;                /* the same; LSTM only */
  int64_t projected_stride;
  int64_t gates_stride;
  int64_t h_stride;
  int64_t saved_stride;
  int64_t reverse;              /* 1: from each sequence's own end to its start */
} unpad_forward_direction;

/* One direction of a backward pass. */
typedef struct {
  const void *recurrent_kernel;
  const void *initial_h;
  const void *initial_c;
  const void *mask;
  const void *gates;            /* activated, from forward; SimpleRNN: not used */
  const void *h;                /* from forward; LSTM: only for `previous` */
  const void *saved;            /* from forward; SimpleRNN: not used */
  const void *d_h;              /* (steps, hidden) or null */
  const void *d_final_h;        /* (batch, hidden) or null */
  const void *d_final_c;        /* the same; LSTM only */
  void *d_gates;                /* (steps, G * hidden) out; may be gates itself, but for MGU, which reads its one gate
                                   twice: UNPAD_BAD_SIZE */
  void *d_saved;                /* (steps, hidden) out, GRU reset_after only: gradient of h @ R_h + b_h; may be saved */
  void *d_initial_h;            /* (batch, hidden) out or null */
  void *d_initial_c;            /* the same; LSTM only */
  void *previous;               /* (steps, max(masks, 1) * hidden), contiguous, out or null: the state before each step,
                                   times the masks: transposed the left operand of the recurrent kernel's gradient */
  int64_t gates_stride;
  int64_t h_stride;
  int64_t saved_stride;
  int64_t d_h_stride;
  int64_t d_gates_stride;
  int64_t d_saved_stride;
  int64_t reverse;
} unpad_backward_direction;

/* out (m, n) = (accumulate ? out : 0) + bias + op(a) @ op(b), with op(a) (m, k) and op(b) (k, n). */
typedef struct {
  const void *a;                /* (m, k), or (k, m) if a_transposed; may be null if it has no elements */
  const void *b;                /* (k, n), or (n, k) if b_transposed; the same */
  const void *bias;             /* (n) or null */
  void *out;                    /* (m, n); must not overlap what is read */
  void *sums;                   /* (n) out or null: the sum of b over k; with b_transposed UNPAD_BAD_ENUM */
  int64_t m;
  int64_t n;
  int64_t k;                    /* 0 leaves bias, zeros, or what is accumulated into */
  int64_t a_stride;             /* elements from stored row to stored row */
  int64_t b_stride;
  int64_t out_stride;
  int64_t a_transposed;         /* 0 or 1; both transposed is UNPAD_BAD_ENUM: that is
                                   (b @ a) transposed, without any */
  int64_t b_transposed;
  int64_t accumulate;
} unpad_product;

/* Both walk `problem->directions` entries of `direction` and return UNPAD_OK or an error. `count` products (see
 * unpad_products) run before the walk, or after it, in the same run of the pool: they may make what it reads, and read
 * what it has made. */
UNPAD_API int32_t unpad_forward(const unpad_problem *problem, const unpad_forward_direction *direction, int32_t count,
                                const unpad_product *before);
UNPAD_API int32_t unpad_backward(const unpad_problem *problem, const unpad_backward_direction *direction,
                                 int32_t count, const unpad_product *after);

/* The weights of one direction, or their gradients. */
typedef struct {
  void *kernel;                 /* (feature, G * hidden) */
  void *recurrent_kernel;       /* (hidden, G * hidden) */
  void *bias;                   /* (G * hidden); may be null */
  void *recurrent_bias;         /* (3 * hidden) or null; GRU with reset_after only */
} unpad_weights;

/* A whole layer: the products and the walk above, on contiguous arrays that hold all directions. Where `ids` tells that
 * steps have the same values, as the words of a text do, the product with them is computed once. */
typedef struct {
  unpad_problem problem;
  const void *values;           /* (steps, feature) */
  const int64_t *ids;           /* (steps) those of one id have the same values; null where nothing is known */
  unpad_weights weights[2];     /* a direction each; not written */
  const void *initial_h;        /* (directions, batch, hidden) or null for zeros */
  const void *initial_c;        /* the same; LSTM only */
  const void *mask;             /* (directions, batch, masks, hidden); null if masks = 0 */
  void *h;                      /* (steps, directions * hidden) the outputs, as all of these from forward to backward */
  void *final_h;                /* (directions, batch, hidden) */
  void *final_c;                /* the same; LSTM only */
  void *gates;                  /* (directions, steps, G * hidden) if keep; SimpleRNN: not used */
  void *saved;                  /* (directions, steps, hidden) if keep; SimpleRNN: not used */
  int64_t feature;
  int64_t reverse[2];           /* a direction each: 1 from each sequence's own end to its start */
} unpad_layer;

typedef struct {
  const void *d_h;              /* as h, or null for zeros, as the next two */
  const void *d_final_h;
  const void *d_final_c;
  void *d_values;               /* out, as values, or null where nobody asks */
  unpad_weights d_weights[2];   /* out, a direction each; the biases' may be null */
  void *d_initial_h;            /* out, as initial_h, or null */
  void *d_initial_c;
} unpad_layer_gradients;

UNPAD_API int32_t unpad_layer_forward(const unpad_layer *layer);
UNPAD_API int32_t unpad_layer_backward(const unpad_layer *layer, const unpad_layer_gradients *gradients);

/* `first` (up to count): the member at which each id occurs first, in order; `place` (count): which of them each
 * member's id is. Returns how many there are, or -1 where an array is null or memory is out. */
UNPAD_API int64_t unpad_distinct(int64_t count, const int64_t *ids, int64_t *first, int64_t *place);

/* `count` products in one run of the pool, in blocks that at most `threads` threads take as they get free; small ones
 * stay with the caller, and threads that do not come in time are not waited for.
 *
 * The outs must not overlap, except that a product with `accumulate` may have the out of the product right before it
 * (the same out, m, n and out_stride): it then adds to that one's result. So x = a @ b + c @ d is two products.
 *
 * What is promised: an entry's sum runs over k in an order that depends on k alone. Its bits depend on its row of
 * op(a), its column of op(b), bias and what it is added to, and not on threads, m, n, strides or how a and b are
 * stored, as long as the instruction set is the same. Those of `sums` depend on the column of b alone. */
UNPAD_API int32_t unpad_products(int32_t dtype, int32_t threads, int32_t count, const unpad_product *products);

/* `order` (count): the members 0 .. count sorted by the group they are `of`, those of one group in order; `starts`
 * (groups + 1): where each group begins in it. A group that is none is UNPAD_BAD_INDEX, and nothing is written. */
UNPAD_API int32_t unpad_group(int64_t count, const int64_t *of, int64_t groups, int64_t *order, int64_t *starts);

/* Adam (Kingma and Ba, 2014), with decoupled weight decay (Loshchilov and Hutter, 2017), over several arrays:
 *   m += (1 - beta_1) (g - m);  v += (1 - beta_2) (g g - v);  w = keep w - rate m / (sqrt(v) + epsilon) */
typedef struct {
  double beta_1;
  double beta_2;
  double rate;                  /* learning rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) at update t */
  double epsilon;
  double keep;                  /* 1 - learning rate * weight decay */
} unpad_adam;

/* One array. Of a table of which a batch reads few rows the gradient may be given by what each reading gives to its
 * row. Rows that were not read have a gradient of 0 and move all the same: the update is that of the summed gradient,
 * bit for bit, without the array that holds it. */
typedef struct {
  void *weight;                 /* (count), contiguous, as all of these */
  const void *gradient;         /* (count); by rows (readings, width) */
  void *m;
  void *v;
  int64_t count;
  const int64_t *order;         /* by rows: (readings) the readings by their row, from unpad_group */
  const int64_t *starts;        /* by rows: (count / width + 1) the same; null where `gradient` is whole */
  int64_t width;                /* by rows: elements of a row */
} unpad_adam_part;

/* In stretches that at most `threads` threads take as they get free. Its bits do not depend on them. */
UNPAD_API int32_t unpad_adam_step(int32_t dtype, int32_t threads, const unpad_adam *adam, int32_t count,
                                  const unpad_adam_part *parts);

/* Sequences laid out in slots, as rows of a grid with zeros where nothing is, times a kernel; from the steps alone.
 * A step's part is its values times the rows of the kernel that belong to its slot; a row's product is the sum of its
 * steps' parts, which is the caller's to make. */
typedef struct {
  const void *values;           /* (steps, feature), contiguous, as all of these */
  const void *kernel;           /* (slots * feature, units); backward without d_values does not need it */
  void *parts;                  /* forward: (steps, units) out */
  const void *d_out;            /* backward: (batch, units) */
  void *d_kernel;               /* backward: as kernel, out; 0 for an empty slot */
  void *d_values;               /* backward: as values, out, or null */
  const int64_t *order;         /* (steps) the steps by their slot, from unpad_group */
  const int64_t *starts;        /* (slots + 1) the same */
  const int64_t *sequence_ids;  /* (steps) the row of each step */
  const int64_t *offsets;       /* (batch + 1) where each row's steps begin; only looked at, for who makes the sums */
  int64_t steps;
  int64_t batch;
  int64_t slots;
  int64_t feature;
  int64_t units;
} unpad_slots;

/* At most `threads` threads take a slot each as they get free. The bits of a part and of d_values depend on their step
 * alone, those of d_kernel on the steps of the slot in their order; none on threads. */
UNPAD_API int32_t unpad_slots_linear(int32_t dtype, int32_t threads, int32_t backward, const unpad_slots *slots);

/* Linear chains: every path of tags through a sequence. A path scores what its tags score at each step, and for each pair
 * of neighbours a transition; a sequence's first tag scores a start, its last an end. Scores may be -infinity: no path goes
 * there. NaN or +infinity makes a sequence's sums and gradients NaN. All is computed in double. */
typedef struct {
  const void *scores;           /* (steps, tags), contiguous, as all of these; with pairs (steps, tags, tags) from the tag
                                   before: of a sequence's first step only row 0 counts */
  const void *transitions;      /* (tags, tags) from the tag before, or null for zeros; with pairs null */
  const void *start;            /* (tags) or null for zeros */
  const void *end;              /* the same */
  const int64_t *offsets;       /* (batch + 1) */
  const int64_t *only;          /* (steps) the tag that a step has, or -1 where it may be any; or null */
  void *total;                  /* sums: (batch) out, the log of the sum over all paths of exp(score); with `only` less
                                   that of the paths that have these tags, 0 where none is known. best: (batch, best) out,
                                   the paths' scores, -infinity where there is no other, or null. 0 of an empty sequence */
  double *walked;               /* (steps, tags): sums: out, or null where no gradient is asked for; gradients: as sums
                                   wrote it; best: (steps, tags, best), work space */
  double *fitting;              /* sums and gradients: the same of the paths that have the tags of `only`; may be null
                                   where of each sequence all are known or none */
  int64_t *whence;              /* best: (steps, tags, best) work space; may be null with best = 1 */
  int64_t *path;                /* best: (steps, best) out, the tags of each; -1 where there is no other, but of a best
                                   one without `total`, of which the first tags are given then */
  const void *d_total;          /* gradients: (batch), or null for 1 each */
  void *d_scores;               /* gradients: as scores, out, or null */
  void *d_transitions;          /* the same of the others */
  void *d_start;
  void *d_end;
  void *marginals;              /* gradients: (steps, tags) out, the probability of each tag over all paths, or null */
  int64_t steps;
  int64_t batch;
  int64_t tags;
  int64_t pairs;                /* 0 or 1 */
  int64_t best;                 /* best: how many paths, at least 1 */
} unpad_chain;

/* At most `threads` threads walk the sequences. The bits of a sequence depend neither on them nor on the others; those of
 * d_transitions, d_start and d_end on the sequences in their order. */
UNPAD_API int32_t unpad_chain_sums(int32_t dtype, int32_t threads, const unpad_chain *chain);
UNPAD_API int32_t unpad_chain_gradients(int32_t dtype, int32_t threads, const unpad_chain *chain);
UNPAD_API int32_t unpad_chain_best(int32_t dtype, int32_t threads, const unpad_chain *chain);

/* Labels whose places in a sequence are not known (CTC): of the classes' scores the softmax is taken, class 0 is the blank,
 * and the probabilities of all paths of classes that spell the labels are summed: those that are left when classes that
 * repeat themselves are merged and blanks dropped. Computed in double. */
typedef struct {
  const void *scores;           /* (steps, classes), contiguous, as all of these; -infinity: the class is not there */
  const int64_t *offsets;       /* (batch + 1) */
  const int64_t *labels;        /* (label_count), from 1 to classes - 1 */
  const int64_t *label_offsets; /* (batch + 1) */
  void *total;                  /* (batch) out, -log of the sum; infinity where no path spells the labels, NaN where a step
                                   has a score NaN or +infinity; 0 without steps and labels */
  void *d_scores;               /* (steps, classes) out, the gradient of each sequence's total; or null. 0 where it is
                                   infinite, NaN where it is NaN */
  int64_t steps;
  int64_t batch;
  int64_t classes;
  int64_t label_count;
} unpad_ctc;

/* At most `threads` threads take a sequence each; its bits depend neither on them nor on other sequences. With d_scores a
 * thread takes 64 bytes of work space for each step and label of its longest sequence. */
UNPAD_API int32_t unpad_ctc_loss(int32_t dtype, int32_t threads, const unpad_ctc *ctc);

/* Numbers brought to mean 0 and variance 1, then scaled and shifted: the features of each group of a row, or of all rows
 * of a sequence. gamma (value - mean) scale + beta, scale = 1 / sqrt(variance + epsilon). */
typedef struct {
  const void *values;           /* (rows, groups, size) */
  const void *gamma;            /* (groups, size), or null for 1 */
  const void *beta;             /* (groups, size), or null for 0 */
  const int64_t *offsets;       /* (batch + 1) where each sequence's rows begin; null: each row is one by itself */
  void *out;                    /* forward: as values */
  void *mean;                   /* (batch, groups) forward: out; backward: the same. Null: taken for 0, and scale is one
                                   over the root of the mean square */
  void *scale;                  /* (batch, groups) the same */
  const void *d_out;            /* backward: as out */
  void *d_values;               /* backward: out; this and those that follow null where nobody asks */
  void *d_gamma;
  void *d_beta;
  int64_t rows;
  int64_t batch;
  int64_t groups;
  int64_t size;
  double epsilon;
} unpad_normal;

/* At most `threads` threads take sequences as they get free. The bits of a sequence depend neither on them nor on the
 * others; those of d_gamma and d_beta not on the threads. */
UNPAD_API int32_t unpad_normal_forward(int32_t dtype, int32_t threads, const unpad_normal *normal);
UNPAD_API int32_t unpad_normal_backward(int32_t dtype, int32_t threads, const unpad_normal *normal);

/* An activation of numbers, each by itself. */
typedef struct {
  const void *values;           /* (count), contiguous, as all of these; backward of tanh: not used */
  void *out;                    /* (count) forward: out; backward: the same, of tanh alone */
  const void *d_out;            /* (count) backward */
  void *d_values;               /* (count) backward: out */
  int64_t count;
  int64_t kind;                 /* UNPAD_TANH, _SILU or _ELU */
  double alpha;                 /* of UNPAD_ELU, as the next */
  double scale;
} unpad_pointwise;

/* In stretches that at most `threads` threads take as they get free. The bits of a number depend on itself alone. */
UNPAD_API int32_t unpad_pointwise_forward(int32_t dtype, int32_t threads, const unpad_pointwise *pointwise);
UNPAD_API int32_t unpad_pointwise_backward(int32_t dtype, int32_t threads, const unpad_pointwise *pointwise);

/* A row for each window of rows that follow each other: feature by feature their mean, or the largest of them, of which NaN
 * is larger than any number. A window without rows gives 0. The windows' bounds never fall; windows may share rows. */
typedef struct {
  const void *values;           /* (rows, width), contiguous, as all of these; backward of a mean: not used */
  const int64_t *first;         /* (count) each window's first row */
  const int64_t *last;          /* (count) the row behind its last */
  void *out;                    /* forward: (count, width) out */
  const void *d_out;            /* backward: as out */
  void *d_values;               /* backward: as values, out; of rows that are equally large the first takes all */
  int64_t rows;
  int64_t count;
  int64_t width;
  int64_t largest;              /* 1: the largest; 0: the mean */
} unpad_pooling;

/* At most `threads` threads take windows as they get free. The bits of a window depend on its rows alone, those that flow
 * back to a row on its windows alone. */
UNPAD_API int32_t unpad_pooling_forward(int32_t dtype, int32_t threads, const unpad_pooling *pooling);
UNPAD_API int32_t unpad_pooling_backward(int32_t dtype, int32_t threads, const unpad_pooling *pooling);

/* Attention within sequences: for each query the mean of its sequence's values, weighted by softmax(scale * query key).
 * A query that has no key to look at gets 0. Places count from a sequence's first step.
 *
 * Above a rate of 0 weights are dropped, and the others divided by 1 - rate, before the mean is taken. Which ones follows
 * from the seed, the query's row, query step * heads + head, and the key's place; all unsigned, all sums and products
 * modulo 2^64, or 2^32:
 *
 *     r = seed + (row + 1) * 0x9e3779b97f4a7c15;  r = (r ^ r >> 30) * 0xbf58476d1ce4e5b9
 *     r = (r ^ r >> 27) * 0x94d049bb133111eb;     r = r ^ r >> 31           (splitmix64: Steele et al. 2014)
 *     x = place + (r modulo 2^32);                x = (x ^ x >> 16) * 0x7feb352d
 *     x = (x ^ x >> 15) * 0x846ca68b;             x = (x ^ x >> 16) + (r >> 32)
 *     x = (x ^ x >> 16) * 0x7feb352d;             dropped where x < rate * 2^32 */
typedef struct {
  const void *query;            /* (query steps, heads, size), a step's numbers in a row, rows query_step apart */
  const void *key;              /* (key steps, key_heads, size), the same; each head serves heads / key_heads of the query's */
  const void *value;            /* (key steps, key_heads, value_size), the same */
  const int64_t *queries;       /* (batch + 1) where each sequence's queries begin */
  const int64_t *keys;          /* (batch + 1) where its keys do */
  void *out;                    /* (query steps, heads, value_size), contiguous, as all that follow; backward: as forward
                                   wrote it */
  void *logs;                   /* (query steps, heads): forward: out, the log of the weights' sum; backward: the same */
  const void *d_out;            /* backward: as out */
  void *d_query;                /* backward: (query steps, heads, size) out */
  void *d_key;                  /* backward: (key steps, key_heads, size) out */
  void *d_value;                /* backward: (key steps, key_heads, value_size) out */
  int64_t query_steps;
  int64_t key_steps;
  int64_t batch;
  int64_t heads;
  int64_t key_heads;            /* a divisor of heads */
  int64_t size;
  int64_t value_size;
  int64_t query_step;           /* elements from one step to the next */
  int64_t key_step;
  int64_t value_step;
  int64_t causal;               /* 1: a query looks at keys at its own place in the sequence and before */
  int64_t window;               /* above 0: at keys less than this many places away */
  double scale;
  const int32_t *query_blocks;  /* (query steps): and, with key_blocks (key steps), at keys of its own block; or both null; null
                                   where there are no such steps */
  const int32_t *key_blocks;
  const uint8_t *seen;          /* and at those of which this holds no 0: of sequence b and head h, of a query and a key at
                                   places q and k, at b * seen_sequence + h * seen_head + q * seen_query + k; or null */
  int64_t seen_bytes;
  int64_t seen_sequence;
  int64_t seen_head;
  int64_t seen_query;
  double rate;                  /* of the weights that are dropped, from 0 to 1 */
  int64_t seed;
  void *weights;                /* (query steps, heads, widest): out, before any are dropped, 0 beyond a sequence's keys; or
                                   null. Backward: the same, where there is d_weights */
  const void *d_weights;        /* backward: the gradient of the weights, or null */
  int64_t widest;               /* where there are weights, at least the keys of the longest sequence */
} unpad_attention;

/* At most `threads` threads take the heads of the sequences as they get free. The bits of a sequence depend neither on
 * them nor on the others. */
UNPAD_API int32_t unpad_attention_forward(int32_t dtype, int32_t threads, const unpad_attention *attention);
UNPAD_API int32_t unpad_attention_backward(int32_t dtype, int32_t threads, const unpad_attention *attention);

/* For how many microseconds (200; at most a second) the library's threads stay awake between two calls that follow each
 * other as closely: awake they spare the next call the time to wake them, and keep a core from who else wants it.
 * Returns what held before, or -1 where the number is out of range. */
UNPAD_API int64_t unpad_stay_awake(int64_t microseconds);

/* "avx512_bf16", "avx512", "avx2" or "portable": the one in use. */
UNPAD_API const char *unpad_kernels_isa(void);

/* 1 where UNPAD_ROUNDED is what the processor multiplies fastest, 0 where it is emulated, slower than UNPAD_FLOAT32. */
UNPAD_API int32_t unpad_kernels_rounds(void);

/* For tests. A null name goes back to the best that the machine has; one it lacks is UNPAD_BAD_ENUM. */
UNPAD_API int32_t unpad_kernels_force_isa(const char *name);

/* The fields of the structures above, a line each: its name, its bytes, then of each field the name and where it begins.
 * Fields of an inner structure have its name and a dot before theirs. The last line is "cells" and their names, in the
 * order of their numbers. */
UNPAD_API const char *unpad_kernels_fields(void);

/* Rises by one whenever a structure or a meaning in this file changes. */
UNPAD_API int32_t unpad_kernels_version(void);

#ifdef __cplusplus
}
#endif

#endif

// A cell of one's own along some sequences: at each time the operations of its step, one after the other, on a few rows
// at a time, whose numbers stay in the first- and second-level cache from one operation to the next.
#pragma once

#include "gemm/tiles.h"
#include "isa/kernels.h"
#include "tape/operations.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Rows that go through a step together: whole tiles of every instruction set, as few as hide the packed factors' way.
constexpr int64_t kTapeRows = 24;

// Where an array's rows of this step lie: `step` apart, 0 where all are one.
template <class T>
struct Rows {
  T *data;
  int64_t step;
};

// A thread's work space; from a null base it only counts.
template <class T>
struct TapeSpace {
  T *sums, *zeros, **own;
  Rows<T> *at;
  int64_t bytes;

  TapeSpace(const unpad_tape &tape, void *base) {
    Arena arena{static_cast<char *>(base), 0};
    int64_t widest = 1;
    for (int64_t i = 0; i < tape.array_count; ++i)
      if (tape.arrays[i].width > widest) widest = tape.arrays[i].width;
    sums = arena.take<T>(kTileRows * kMostVectors * kLanes<T>);
    zeros = arena.take<T>(widest);
    at = arena.take<Rows<T>>(tape.array_count);
    own = arena.take<T *>(tape.array_count);
    for (int64_t i = 0; i < tape.array_count; ++i) {
      const bool needs = tape.arrays[i].kind == UNPAD_TAPE_SPACE || tape.arrays[i].kind == UNPAD_TAPE_STATE;
      T *rows = arena.take<T>(needs ? kTapeRows * tape.arrays[i].width : 0);
      if (base) own[i] = rows;
    }
    bytes = arena.used;
    if (base) memset(zeros, 0, size_t(widest) * sizeof(T));
  }
};

// out = b + a @ factor, of n rows.
template <class T>
void product(const unpad_tape_operation &o, int64_t depth, int64_t n, const Operand<T> &a, const Operand<T> &b,
             const T *packed, T *out, int64_t step, T *sums) {
  const Panels<T> panels(o.width, kMostVectors);
  for (int64_t p = 0; p < panels.count; ++p) {
    const Panel panel = panels[p];
    for (int64_t i = 0, m; i < n; i += m) {
      m = tile_rows(n - i);
      const T *rows[kTileRows];
      for (int64_t r = 0; r < m; ++r) rows[r] = a.at(i + r);
      units_product(panel, m, depth, 0, depth, rows, packed + panels.at(panel, depth, 1), sums);
      const T *sum = sums;
      for (int64_t r = 0; r < m; ++r)
        for (int64_t c = 0; c < panel.units; c += kLanes<T>, sum += kLanes<T>)
          with_width<T>(c, panel.units, [&](auto whole, int64_t w) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            Vec<T> value = load_whole(sum);
            if (b.data) value += b.each ? load<W>(b.at(i + r) + panel.unit + c, w) : fill(*b.at(i + r));
            store<W>(out + (i + r) * step + panel.unit + c, value, w);
          });
    }
  }
}

template <class T>
struct Tape {
  const unpad_tape &tape;
  const int64_t *starts;
  const void *const *packed;
  TapeSpace<T> space;

  // What rows row .. row + n start from at time t: handed on by the time before, or a start, with what is coming.
  Rows<T> state(int64_t i, int64_t t, int64_t row, int64_t n) const {
    const unpad_tape_array &array = tape.arrays[i];
    const int64_t width = array.width, before = tape.back ? t + 1 : t - 1, here = (starts[t] + row) * width;
    int64_t handed = before < 0 || before >= tape.times ? 0 : tape.active[before] - row;
    handed = handed < 0 ? 0 : handed < n ? handed : n;
    T *after = static_cast<T *>(tape.arrays[array.after].data) + (handed ? (starts[before] + row) * width : 0);
    const T *start = static_cast<const T *>(array.start), *coming = static_cast<const T *>(array.coming);
    if (!array.data && !coming && handed == n) return {after, width};
    T *to = array.data ? static_cast<T *>(array.data) + here : space.own[i];
    if (handed) memcpy(to, after, size_t(handed * width) * sizeof(T));
    if (handed < n) {
      const size_t bytes = size_t((n - handed) * width) * sizeof(T);
      if (start)
        memcpy(to + handed * width, start + (row + handed) * width, bytes);
      else
        memset(to + handed * width, 0, bytes);
    }
    if (coming) pairs<T, true, true>(1, n * width, to, 0, {to, 0, 1}, {coming + here, 0, 1}, Add{});
    return {to, width};
  }

  void place(int64_t t, int64_t row, int64_t n) const {
    for (int64_t i = 0; i < tape.array_count; ++i) {
      const unpad_tape_array &array = tape.arrays[i];
      T *data = static_cast<T *>(array.data);
      switch (array.kind) {
        case UNPAD_TAPE_SPACE: space.at[i] = {space.own[i], array.width}; break;
        case UNPAD_TAPE_STEPS: space.at[i] = {data + (starts[t] + row) * array.width, array.width}; break;
        case UNPAD_TAPE_SHARED: space.at[i] = {data, 0}; break;
        default: space.at[i] = state(i, t, row, n);
      }
    }
  }

  Operand<T> operand(int64_t array, int64_t column, int64_t each, const T *number) const {
    if (array < 0) return {number, 0, 0};
    return {space.at[array].data + column, space.at[array].step, each};
  }

  void step(int64_t n) const {
    for (const unpad_tape_operation *o = tape.operations; o < tape.operations + tape.operation_count; ++o) {
      const T number = T(o->number);
      const Operand<T> a = operand(o->a, o->a_column, o->a_each, &number);
      T *out = space.at[o->out].data + o->out_column;
      const int64_t out_step = space.at[o->out].step;
      if (o->op == UNPAD_TAPE_PRODUCT) {
        const Operand<T> b = operand(o->b, o->b_column, o->b_each, nullptr);
        product(*o, tape.arrays[o->factor].rows, n, a, b, static_cast<const T *>(packed[o->factor]), out, out_step, space.sums);
      } else {
        operation(*o, n, out, out_step, a, operand(o->b, o->b_column, o->b_each, &number), number);
      }
    }
  }

  void walk(int64_t from, int64_t to) const {
    for (int64_t k = 0; k < tape.times; ++k) {
      const int64_t t = tape.back ? tape.times - 1 - k : k, end = to < tape.active[t] ? to : tape.active[t];
      for (int64_t row = from, n; row < end; row += n) {
        n = end - row < kTapeRows ? end - row : kTapeRows;
        place(t, row, n);
        step(n);
      }
    }
  }
};

template <class T>
int64_t tape_packed_bytes(const unpad_tape_array *factor) {
  return Panels<T>(factor->width, kMostVectors).elements(factor->rows, 1) * int64_t(sizeof(T));
}

template <class T>
void tape_pack(const unpad_tape_array *factor, void *packed) {
  const Panels<T> panels(factor->width, kMostVectors);
  const T *matrix = static_cast<const T *>(factor->data);
  T *out = static_cast<T *>(packed);
  if (!factor->transposed) return pack_columns(panels, matrix, factor->stride, factor->rows, out, 0, 1);
  for (int64_t p = 0; p < panels.count; ++p) {
    const Panel panel = panels[p];
    pack_rows(panel, matrix + panel.unit * factor->stride, factor->stride, panel.units, factor->rows, factor->rows, 0,
              out + panels.at(panel, factor->rows, 1));
  }
}

template <class T>
int64_t tape_space_bytes(const unpad_tape *tape) {
  return TapeSpace<T>(*tape, nullptr).bytes;
}

template <class T>
void tape_walk(const unpad_tape *tape, const int64_t *starts, const void *const *packed, void *space, int64_t from,
               int64_t to) {
  Tape<T>{*tape, starts, packed, TapeSpace<T>(*tape, space)}.walk(from, to);
}

template <class T>
constexpr Tapes of_tapes() {
  return {tape_packed_bytes<T>, tape_pack<T>, tape_space_bytes<T>, tape_walk<T>};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

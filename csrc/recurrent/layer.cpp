// A recurrent layer: its products and its walk, told by whole arrays.
#include <cstring>
#include <new>
#include <optional>
#include <type_traits>
#include <vector>

#include "gemm/blocks.h"
#include "recurrent/problem.h"
#include "recurrent/row_sums.h"
#include "recurrent/walks.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

// Rows in memory: those of one direction, or some of their columns.
struct Matrix {
  char *at;
  int64_t rows, columns, stride;
  int64_t element;  // bytes

  Matrix part(int64_t from, int64_t to) const { return {at + from * element, rows, to - from, stride, element}; }
};

unpad_product product(const Matrix &out, const Matrix &a, const Matrix &b, int64_t a_transposed = 0,
                      int64_t b_transposed = 0) {
  return {a.at, b.at, nullptr, out.at, nullptr, out.rows, out.columns, a_transposed ? a.rows : a.columns,
          a.stride, b.stride, out.stride, a_transposed, b_transposed, 0};
}

// Memory to be had in one piece: where its parts begin, each on a cache line of its own.
struct Room {
  int64_t bytes = 0;

  int64_t take(int64_t wanted) {
    const int64_t at = bytes;
    bytes += (wanted + 63) / 64 * 64;
    return at;
  }
};

// The rows that the products are made of: where steps have the same values, one for all of them.
class SharedRows {
 public:
  explicit SharedRows(const unpad_layer &l) : count_(l.problem.steps) {
    if (!l.ids) return;
    std::vector<int64_t> first(static_cast<size_t>(count_)), place(first.size());
    const int64_t found = unpad_distinct(count_, l.ids, first.data(), place.data());
    if (found < 0) throw std::bad_alloc();
    if (double(found) > kMostDistinct * double(count_)) return;
    count_ = found;
    first_.swap(first);
    place_.swap(place);
  }

  bool shared() const { return !place_.empty(); }
  int64_t count() const { return count_; }
  const int64_t *of_steps() const { return shared() ? place_.data() : nullptr; }
  // The values of each row, in `space` where steps share them.
  const void *values(const void *all, int64_t row_bytes, char *space) const {
    if (!shared() || !row_bytes) return all;
    for (int64_t row = 0; row < count_; ++row)
      std::memcpy(space + row * row_bytes, static_cast<const char *>(all) + first_[size_t(row)] * row_bytes,
                  size_t(row_bytes));
    return space;
  }

 private:
  static constexpr double kMostDistinct = 0.85;  // of the steps; with more it does not pay
  int64_t count_;
  std::vector<int64_t> first_, place_;
};

// The sizes of a layer, and where in its arrays a direction's part begins.
struct Shape {
  const unpad_problem &p;
  int64_t element, steps, feature, hidden, width, masks, directions;

  explicit Shape(const unpad_layer &l)
      : p(l.problem), element(element_bytes(p)), steps(p.steps), feature(l.feature), hidden(p.hidden),
        width(record_of(p).gates * p.hidden), masks(p.masks ? p.masks : 1), directions(p.directions) {}

  bool simple() const { return !record_of(p).keeps; }
  // The part of direction d of an array (directions, rows, columns), which may be null.
  template <class Void>
  Void *part(Void *array, int64_t d, int64_t rows, int64_t columns) const {
    using Byte = std::conditional_t<std::is_const_v<Void>, const char, char>;
    return array ? static_cast<Byte *>(array) + d * rows * columns * element : nullptr;
  }
  Matrix matrix(const void *array, int64_t rows, int64_t columns) const {
    return {static_cast<char *>(const_cast<void *>(array)), rows, columns, columns, element};
  }
  Matrix matrix(const void *array, int64_t d, int64_t rows, int64_t columns) const {
    return matrix(part(array, d, rows, columns), rows, columns);
  }
  // A direction's columns of an array (steps, directions * hidden).
  template <class Void>
  Void *columns(Void *array, int64_t d) const {
    return part(array, d, 1, hidden);
  }
};

int32_t check(const unpad_layer *layer) {
  if (!layer) return UNPAD_NULL_POINTER;
  if (int32_t error = check_problem(&layer->problem)) return error;
  if (layer->feature < 0 || layer->feature > kMostSize || layer->problem.steps > kMostSize) return UNPAD_BAD_SIZE;
  // Before rows are read from it.
  return layer->problem.steps && layer->feature && !layer->values ? UNPAD_NULL_POINTER : UNPAD_OK;
}

int32_t forward(const unpad_layer *layer) try {
  if (int32_t error = check(layer)) return error;
  const Shape s(*layer);
  const SharedRows rows(*layer);
  const bool keeps = s.p.keep && !s.simple();
  // The products go where the walk puts the gates that it keeps, unless several steps read one row.
  const bool in_place = keeps && !rows.shared();
  const bool apart = record_of(s.p).twice && !keeps && rows.shared();
  const int64_t bytes = s.directions * s.width * s.element, row_bytes = s.feature * s.element;
  Room room;
  const int64_t projected_at = room.take(in_place ? 0 : rows.count() * bytes);
  const int64_t gates_at = room.take(apart ? s.steps * bytes : 0);
  const int64_t values_at = room.take(rows.shared() ? rows.count() * row_bytes : 0);
  Workspace space(Workspace::kLayer, size_t(room.bytes));
  char *projected = in_place ? static_cast<char *>(layer->gates) : space.data() + projected_at;
  void *gates = keeps ? layer->gates : apart ? space.data() + gates_at : projected;
  const Matrix values =
      s.matrix(rows.values(layer->values, row_bytes, space.data() + values_at), rows.count(), s.feature);
  unpad_product products[2];
  unpad_forward_direction directions[2];
  for (int64_t d = 0; d < s.directions; ++d) {
    const unpad_weights &w = layer->weights[d];
    const Matrix out = s.matrix(projected, d, rows.count(), s.width);
    products[d] = product(out, values, s.matrix(w.kernel, s.feature, s.width));
    products[d].bias = w.bias;
    directions[d] = {w.recurrent_kernel,
                     w.recurrent_bias,
                     s.part(layer->initial_h, d, s.p.batch, s.hidden),
                     s.part(layer->initial_c, d, s.p.batch, s.hidden),
                     s.part(layer->mask, d, s.p.batch * s.masks, s.hidden),
                     out.at,
                     rows.of_steps(),
                     s.part(gates, d, s.steps, s.width),
                     s.columns(layer->h, d),
                     keeps ? s.part(layer->saved, d, s.steps, s.hidden) : nullptr,
                     s.part(layer->final_h, d, s.p.batch, s.hidden),
                     s.part(layer->final_c, d, s.p.batch, s.hidden),
                     s.width,
                     s.width,
                     s.directions * s.hidden,
                     s.hidden,
                     layer->reverse[d]};
  }
  return unpad_forward(&s.p, directions, int32_t(s.directions), products);
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

// The gradient of the recurrent kernel, and with it that of its bias: `previous` holds the operand of h U, or one a
// gate; `kept`, where there is one, that of the last gate.
void recurrent_gradient(const Shape &s, const unpad_weights &out, const Matrix &previous,
                        const std::vector<Matrix> &inner, const Matrix &kept, std::vector<unpad_product> &products) {
  const Matrix whole = s.matrix(out.recurrent_kernel, s.hidden, s.width);
  const bool several = s.masks > 1, split = several || kept.at;
  int64_t at = 0;
  for (const Matrix &part : inner)
    for (int64_t from = 0; from < part.columns;) {
      const int64_t columns = split ? s.hidden : part.columns;
      Matrix left = several ? previous.part(at, at + s.hidden) : previous;
      if (kept.at && at + columns == s.width) left = kept;
      products.push_back(product(whole.part(at, at + columns), left, part.part(from, from + columns), 1));
      if (out.recurrent_bias) products.back().sums = static_cast<char *>(out.recurrent_bias) + at * s.element;
      at += columns;
      from += columns;
    }
}

int32_t backward(const unpad_layer *layer, const unpad_layer_gradients *gradients) try {
  if (int32_t error = check(layer)) return error;
  const bool reset_before = record_of(layer->problem).twice;
  if (!gradients || (layer->problem.steps && reset_before && !layer->saved)) return UNPAD_NULL_POINTER;
  const Shape s(*layer);
  const bool lstm = record_of(s.p).carries, after = record_of(s.p).inner;
  const SharedRows rows(*layer);
  const int64_t parts = s.directions * s.steps * s.element, row_bytes = s.feature * s.element;
  Room room;
  const int64_t gates_at = room.take(parts * s.width), previous_at = room.take(parts * s.masks * s.hidden);
  const int64_t saved_at = room.take(after ? parts * s.hidden : 0);
  const int64_t sums_at = room.take(rows.shared() ? s.directions * rows.count() * s.width * s.element : 0);
  const int64_t values_at = room.take(rows.shared() ? rows.count() * row_bytes : 0);
  Workspace space(Workspace::kLayer, size_t(room.bytes));
  std::optional<RowSums> sums;
  if (rows.shared()) sums.emplace(s.p.dtype, s.steps, rows.of_steps(), rows.count(), s.width);
  // A thread takes its own share of them first, which lie in order: what a direction's walk has made goes to the thread
  // that made it (2 % of the time), and what both have made lies in the middle.
  std::vector<unpad_product> products, of_values, of_weights[2];
  unpad_backward_direction directions[2];
  const Matrix values =
      s.matrix(rows.values(layer->values, row_bytes, space.data() + values_at), rows.count(), s.feature);
  for (int64_t d = 0; d < s.directions; ++d) {
    const unpad_weights &w = layer->weights[d], &out = gradients->d_weights[d];
    const Matrix of_gates = s.matrix(space.data() + gates_at, d, s.steps, s.width);
    const Matrix before = s.matrix(space.data() + previous_at, d, s.steps, s.masks * s.hidden);
    const Matrix of_saved = s.matrix(space.data() + saved_at, d, s.steps, s.hidden);
    directions[d] = {w.recurrent_kernel,
                     s.part(layer->initial_h, d, s.p.batch, s.hidden),
                     s.part(layer->initial_c, d, s.p.batch, s.hidden),
                     s.part(layer->mask, d, s.p.batch * s.masks, s.hidden),
                     s.part(layer->gates, d, s.steps, s.width),
                     s.columns(layer->h, d),
                     s.part(layer->saved, d, s.steps, s.hidden),
                     s.columns(gradients->d_h, d),
                     s.part(gradients->d_final_h, d, s.p.batch, s.hidden),
                     lstm ? s.part(gradients->d_final_c, d, s.p.batch, s.hidden) : nullptr,
                     of_gates.at,
                     after ? of_saved.at : nullptr,
                     s.part(gradients->d_initial_h, d, s.p.batch, s.hidden),
                     s.part(gradients->d_initial_c, d, s.p.batch, s.hidden),
                     before.at,
                     s.width,
                     s.directions * s.hidden,
                     s.hidden,
                     s.directions * s.hidden,
                     s.width,
                     s.hidden,
                     layer->reverse[d]};
    const Matrix of_rows = sums ? s.matrix(space.data() + sums_at, d, rows.count(), s.width) : of_gates;
    if (sums) sums->add(of_gates.at, of_rows.at);
    const Matrix kernel = s.matrix(w.kernel, s.feature, s.width);
    if (gradients->d_values) {
      of_values.push_back(product(s.matrix(gradients->d_values, s.steps, s.feature), of_gates, kernel, 0, 1));
      of_values.back().accumulate = d > 0;
    }
    of_weights[d].push_back(product(s.matrix(out.kernel, s.feature, s.width), values, of_rows, 1));
    of_weights[d].back().sums = out.bias;
    std::vector<Matrix> inner{of_gates};
    if (after) inner = {of_gates.part(0, s.width - s.hidden), of_saved};
    Matrix kept{};
    if (reset_before) kept = s.matrix(layer->saved, d, s.steps, s.hidden);
    recurrent_gradient(s, out, before, inner, kept, of_weights[d]);
  }
  for (const auto *some : {&of_weights[0], &of_values, &of_weights[1]})
    products.insert(products.end(), some->begin(), some->end());
  return walk_back(&s.p, directions, sums ? &*sums : nullptr, int32_t(products.size()), products.data());
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_layer_forward(const unpad_layer *layer) { return unpad::forward(layer); }

extern "C" int32_t unpad_layer_backward(const unpad_layer *layer, const unpad_layer_gradients *gradients) {
  return unpad::backward(layer, gradients);
}

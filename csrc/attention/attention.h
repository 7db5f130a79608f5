// Attention within sequences, one head of keys of one sequence at a time: softmax(scale * query key) value.
//
// The softmax is made on the way, a tile of keys after another (Milakov and Gimelshein 2018; Dao et al. 2022): of all
// weights only those of a tile are ever there, and back they are made again from the log of their sum. Tiles begin at the
// sequence's own first step, so that its bits depend on nothing but itself.
#pragma once

#include "attention/dropping.h"
#include "attention/products.h"
#include "attention/visible.h"
#include "isa/kernels.h"
#include "simd/exponential.h"
#include "unpad_kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
constexpr int64_t whole_vectors(int64_t n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// A thread's own; from a null base it only counts. `keys`: of the longest sequence.
template <class T>
struct AttentionSpace {
  T *keys, *values, *key_rows, *value_rows, *query_rows, *d_rows, *weights, *d_weights, *sums, *most, *total, *delta,
      *d_keys, *d_values, *kept;
  typename AsWide<T>::Int *blocks;
  int64_t bytes;

  AttentionSpace(const unpad_attention *c, int64_t longest, bool back, void *base) {
    Arena arena{static_cast<char *>(base), 0};
    const int64_t tiles = (longest + kKeyTile - 1) / kKeyTile * kKeyTile;
    const int64_t size = whole_vectors<T>(c->size), value_size = whole_vectors<T>(c->value_size);
    keys = arena.take<T>(tiles * c->size);
    value_rows = arena.take<T>(value_size == c->value_size ? 0 : longest * value_size);
    weights = arena.take<T>(kQueryTile * kKeyTile);
    sums = arena.take<T>(kQueryTile * (back ? size : value_size));
    most = arena.take<T>(kQueryTile);
    total = arena.take<T>(kQueryTile);
    values = arena.take<T>(back ? tiles * c->value_size : 0);
    key_rows = arena.take<T>(back && size != c->size ? longest * size : 0);
    query_rows = arena.take<T>(back && size != c->size ? kQueryTile * size : 0);
    d_rows = arena.take<T>(back && value_size != c->value_size ? kQueryTile * value_size : 0);
    d_weights = arena.take<T>(back ? kQueryTile * kKeyTile : 0);
    delta = arena.take<T>(back ? kQueryTile : 0);
    d_keys = arena.take<T>(back ? longest * size : 0);
    d_values = arena.take<T>(back ? longest * value_size : 0);
    kept = arena.take<T>(c->rate > 0 ? kKeyTile : 0);
    blocks = arena.take<typename AsWide<T>::Int>(Visible<T>::room(c, longest));
    bytes = arena.used;
  }
};

// One sequence and one head of its keys.
template <class T>
struct Attending {
  const unpad_attention *call;
  AttentionSpace<T> space;
  int64_t first_query, queries, first_key, keys, key_head, size, value_size;  // sizes in whole vectors
  Visible<T> visible;
  Dropping dropping;

  Attending(const unpad_attention *c, int64_t b, int64_t head, const AttentionSpace<T> &s)
      : call(c), space(s), first_query(c->queries[b]), queries(c->queries[b + 1] - first_query), first_key(c->keys[b]),
        keys(c->keys[b + 1] - first_key), key_head(head), size(whole_vectors<T>(c->size)),
        value_size(whole_vectors<T>(c->value_size)), visible(c, b, keys, s.blocks), dropping(c) {}

  Rows<const T> of(const void *rows, int64_t step, int64_t row, int64_t head, int64_t width) const {
    return {static_cast<const T *>(rows) + row * step + head * width, step};
  }
  Rows<const T> query(int64_t q, int64_t head) const {
    return of(call->query, call->query_step, first_query + q, head, call->size);
  }
  Rows<const T> key() const { return of(call->key, call->key_step, first_key, key_head, call->size); }
  Rows<const T> value() const { return of(call->value, call->value_step, first_key, key_head, call->value_size); }
  // Rows of what lies without gaps: (query steps, heads, width).
  T *row(void *rows, int64_t q, int64_t head, int64_t width) const {
    return static_cast<T *>(rows) + ((first_query + q) * call->heads + head) * width;
  }

  int64_t from(int64_t q) const { return visible.from(q); }
  int64_t to(int64_t q) const { return visible.to(q); }
  // A row of the weights that are asked for.
  const T *shown(const void *rows, int64_t q, int64_t head) const {
    return static_cast<const T *>(rows) + ((first_query + q) * call->heads + head) * call->widest;
  }

  // Rows of whole vectors: those that are there, or copies with zeros behind.
  Rows<const T> whole(Rows<const T> in, int64_t n, int64_t width, T *room) const {
    const int64_t wide = whole_vectors<T>(width);
    if (wide == width) return in;
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = 0; c < wide; c += kLanes<T>)
        with_width<T>(c, width, [&](auto all, int64_t left) __attribute__((always_inline)) {
          store_whole(room + r * wide + c, load<decltype(all)::value>(in.at + r * in.step + c, left));
        });
    return {room, wide};
  }
  void transposed(Rows<const T> in, int64_t width, T *out) const {
    for (int64_t k = 0; k < keys; k += kKeyTile, in.at += kKeyTile * in.step, out += kKeyTile * width)
      small_transpose(in, keys - k < kKeyTile ? keys - k : kKeyTile, width, out, kKeyTile);
  }
  static void write(T *out, const T *in, int64_t width, T by) {
    for (int64_t c = 0; c < width; c += kLanes<T>)
      with_width<T>(c, width, [&](auto all, int64_t left) __attribute__((always_inline)) {
        store<decltype(all)::value>(out + c, load_whole(in + c) * by, left);
      });
  }

  // The scores of query q of `head` with keys k .. k + n in `row`, scaled, up to `wide`: -infinity where it may not look.
  // Gives their highest.
  UNPAD_INLINE T scaled(T *row, int64_t head, int64_t q, int64_t k, int64_t n, int64_t wide, Seen seen) const {
    const Vec<T> scale = fill(T(call->scale));
    for (int64_t j = 0; j < wide; j += kLanes<T>) store_whole(row + j, load_whole(row + j) * scale);
    if (seen == kSome) visible.hide(row, head, q, k, n, wide);
    const int64_t first = from(q) - k, end = to(q) - k;
    for (int64_t j = 0; j < first && j < wide; ++j) row[j] = kHidden<T>;
    for (int64_t j = end > 0 ? end : 0; j < wide; ++j) row[j] = kHidden<T>;
    Vec<T> most = load_whole(row);
    for (int64_t j = kLanes<T>; j < wide; j += kLanes<T>) {
      const Vec<T> x = load_whole(row + j);
      most = x > most ? x : most;
    }
    return most_of_lanes<T>(most);
  }
  // exp(row - level) in its place; gives their sum.
  static UNPAD_INLINE T exponentials(T *row, int64_t n, T level) {
    constexpr int64_t lanes = kLanes<T>;
    Vec<T> sum{};
    int64_t j = 0;
    for (; j + 4 * lanes <= n; j += 4 * lanes) {
      Many<T, 4> x{{load_whole(row + j), load_whole(row + j + lanes), load_whole(row + j + 2 * lanes),
                    load_whole(row + j + 3 * lanes)}};
      x = exp_below(x - level);
      for (int64_t i = 0; i < 4; ++i) {
        sum += x.v[i];
        store_whole(row + j + i * lanes, x.v[i]);
      }
    }
    for (; j < n; j += lanes) {
      const Vec<T> x = exp_below(load_whole(row + j) - level);
      sum += x;
      store_whole(row + j, x);
    }
    return sum_of_lanes<T>(sum);
  }

  void forward() {
    transposed(key(), call->size, space.keys);
    const Rows<const T> of_values = whole(value(), keys, call->value_size, space.value_rows);
    const int64_t group = call->heads / call->key_heads;
    for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head)
      for (int64_t q = 0; q < queries; q += kQueryTile)
        forward(head, q, queries - q < kQueryTile ? queries - q : kQueryTile, of_values);
  }

  // body(k, n, wide, seen) for each tile of keys of which queries q .. q + count may see something, its products with
  // these in `weights`.
  template <class Body>
  UNPAD_INLINE void each_tile(const Rows<const T> &rows, int64_t head, int64_t q, int64_t count, Body body) {
    visible.take(q, count);
    const int64_t end = to(q + count - 1);
    for (int64_t k = from(q) / kKeyTile * kKeyTile; k < end; k += kKeyTile) {
      const int64_t n = end - k < kKeyTile ? end - k : kKeyTile, wide = whole_vectors<T>(n);
      const Seen seen = visible.masked() ? visible.of_tile(head, q, count, k, n) : kEverything;
      if (seen == kNothing) continue;
      small_product<T>(count, wide, call->size, rows.at, rows.step, 1, {space.keys + k * call->size, kKeyTile},
                       Rows<T>{space.weights, kKeyTile}, false);
      body(k, n, wide, seen);
    }
  }

  void forward(int64_t head, int64_t q, int64_t count, const Rows<const T> &of_values) {
    const Rows<const T> rows = query(q, head);
    const Rows<T> weights{space.weights, kKeyTile}, sums{space.sums, value_size};
    for (int64_t i = 0; i < count * value_size; ++i) sums.at[i] = 0;
    for (int64_t r = 0; r < count; ++r) space.most[r] = kHidden<T>, space.total[r] = 0;
    const bool drops = call->rate > 0;
    each_tile(rows, head, q, count, [&](int64_t k, int64_t n, int64_t wide, Seen seen) __attribute__((always_inline)) {
      for (int64_t r = 0; r < count; ++r) {
        T *row = weights.at + r * kKeyTile;
        const T here = scaled(row, head, q + r, k, n, wide, seen), before = space.most[r];
        const T most = here > before ? here : before, level = most == kHidden<T> ? T(0) : most;
        const T kept = exp_below(fill(before - level))[0];
        space.total[r] = space.total[r] * kept + exponentials(row, wide, level);
        space.most[r] = most;
        if (kept != 1)
          for (int64_t c = 0; c < value_size; c += kLanes<T>)
            store_whole(sums.at + r * value_size + c, load_whole(sums.at + r * value_size + c) * kept);
        if (drops) {
          dropping.draw(number(q + r, head), k, wide, space.kept);
          for (int64_t j = 0; j < wide; j += kLanes<T>)
            store_whole(row + j, load_whole(row + j) * load_whole(space.kept + j));
        }
      }
      small_product<T>(count, value_size, n, weights.at, kKeyTile, 1, {of_values.at + k * of_values.step, of_values.step},
                       sums, true);
    });
    for (int64_t r = 0; r < count; ++r) {
      const bool blind = sees_nothing(head, q + r, space.most[r]);
      const T total = space.total[r];
      write(row(call->out, q + r, head, call->value_size), sums.at + r * value_size, call->value_size,
            blind ? T(0) : 1 / total);
      static_cast<T *>(call->logs)[number(q + r, head)] =
          blind ? T(0) : space.most[r] + T(__builtin_log(double(total)));
    }
    if (call->weights) show(rows, head, q, count);
  }
  // Of a query and a head among all.
  int64_t number(int64_t q, int64_t head) const { return (first_query + q) * call->heads + head; }
  bool sees_nothing(int64_t head, int64_t q, T most) const {
    if (from(q) >= to(q)) return true;
    return visible.masked() && most == kHidden<T> && !visible.any(head, q, 0, keys);
  }

  // The weights of these queries, once more, into what is given back.
  void show(const Rows<const T> &rows, int64_t head, int64_t q, int64_t count) {
    for (int64_t r = 0; r < count; ++r) {
      T *to = const_cast<T *>(shown(call->weights, q + r, head));
      for (int64_t j = 0; j < call->widest; ++j) to[j] = 0;
    }
    const T *logs = static_cast<const T *>(call->logs);
    each_tile(rows, head, q, count, [&](int64_t k, int64_t n, int64_t wide, Seen seen) __attribute__((always_inline)) {
      for (int64_t r = 0; r < count; ++r) {
        T *row = space.weights + r * kKeyTile, *to = const_cast<T *>(shown(call->weights, q + r, head));
        scaled(row, head, q + r, k, n, wide, seen);
        exponentials(row, wide, logs[number(q + r, head)]);
        for (int64_t j = 0; j < n; ++j) to[k + j] = row[j];
      }
    });
  }

  void backward() {
    transposed(key(), call->size, space.keys);
    transposed(value(), call->value_size, space.values);
    const Rows<const T> of_keys = whole(key(), keys, call->size, space.key_rows);
    for (int64_t i = 0; i < keys * size; ++i) space.d_keys[i] = 0;
    for (int64_t i = 0; i < keys * value_size; ++i) space.d_values[i] = 0;
    const int64_t group = call->heads / call->key_heads;
    for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head)
      for (int64_t q = 0; q < queries; q += kQueryTile)
        backward(head, q, queries - q < kQueryTile ? queries - q : kQueryTile, of_keys);
    for (int64_t k = 0; k < keys; ++k) {
      const int64_t at = (first_key + k) * call->key_heads + key_head;
      write(static_cast<T *>(call->d_key) + at * call->size, space.d_keys + k * size, call->size, T(call->scale));
      write(static_cast<T *>(call->d_value) + at * call->value_size, space.d_values + k * value_size, call->value_size,
            T(1));
    }
  }

  void backward(int64_t head, int64_t q, int64_t count, const Rows<const T> &of_keys) {
    const int64_t out_step = call->heads * call->value_size;
    const Rows<const T> given = query(q, head), rows = whole(given, count, call->size, space.query_rows);
    const Rows<const T> d_given{row(const_cast<void *>(call->d_out), q, head, call->value_size), out_step};
    const Rows<const T> d_out = whole(d_given, count, call->value_size, space.d_rows);
    const T *out = row(call->out, q, head, call->value_size), *logs = static_cast<const T *>(call->logs);
    for (int64_t r = 0; r < count; ++r) {
      Vec<T> sum{};
      for (int64_t c = 0; c < call->value_size; c += kLanes<T>)
        with_width<T>(c, call->value_size, [&](auto all, int64_t left) __attribute__((always_inline)) {
          sum += load<decltype(all)::value>(out + r * out_step + c, left) *
                 load<decltype(all)::value>(d_given.at + r * out_step + c, left);
        });
      space.delta[r] = sum_of_lanes<T>(sum);
      if (call->d_weights) {
        const T *of = shown(call->weights, q + r, head), *d = shown(call->d_weights, q + r, head);
        for (int64_t j = 0; j < keys; ++j) space.delta[r] += of[j] * d[j];
      }
    }
    const Rows<T> weights{space.weights, kKeyTile}, d_weights{space.d_weights, kKeyTile}, d_query{space.sums, size};
    for (int64_t i = 0; i < count * size; ++i) d_query.at[i] = 0;
    each_tile(rows, head, q, count, [&](int64_t k, int64_t n, int64_t wide, Seen seen) __attribute__((always_inline)) {
      small_product<T>(count, wide, call->value_size, d_out.at, d_out.step, 1,
                       {space.values + k * call->value_size, kKeyTile}, d_weights, false);
      for (int64_t r = 0; r < count; ++r) {
        T *row = weights.at + r * kKeyTile, *d_row = d_weights.at + r * kKeyTile;
        scaled(row, head, q + r, k, n, wide, seen);
        exponentials(row, wide, logs[number(q + r, head)]);
        const T delta = space.delta[r];
        if (call->rate > 0) {
          dropping.draw(number(q + r, head), k, wide, space.kept);
          for (int64_t j = 0; j < wide; j += kLanes<T>)
            store_whole(d_row + j, load_whole(d_row + j) * load_whole(space.kept + j));
        }
        if (call->d_weights) {
          const T *d = shown(call->d_weights, q + r, head) + k;
          for (int64_t j = 0; j < n; ++j) d_row[j] += d[j];
        }
        for (int64_t j = 0; j < wide; j += kLanes<T>)
          store_whole(d_row + j, load_whole(row + j) * (load_whole(d_row + j) - delta));
        if (call->rate > 0)
          for (int64_t j = 0; j < wide; j += kLanes<T>)
            store_whole(row + j, load_whole(row + j) * load_whole(space.kept + j));
      }
      small_product<T>(n, value_size, count, weights.at, 1, kKeyTile, d_out, {space.d_values + k * value_size, value_size},
                       true);
      small_product<T>(n, size, count, d_weights.at, 1, kKeyTile, rows, {space.d_keys + k * size, size}, true);
      small_product<T>(count, size, n, d_weights.at, kKeyTile, 1, {of_keys.at + k * of_keys.step, of_keys.step}, d_query,
                       true);
    });
    for (int64_t r = 0; r < count; ++r)
      write(row(call->d_query, q + r, head, call->size), d_query.at + r * size, call->size, T(call->scale));
  }
};

template <class T>
int64_t attention_bytes(const unpad_attention *c, int64_t longest, bool back) {
  return AttentionSpace<T>(c, longest, back, nullptr).bytes;
}
template <class T>
void attend(const unpad_attention *c, int64_t longest, bool back, void *space, int64_t b, int64_t key_head) {
  Attending<T> at(c, b, key_head, AttentionSpace<T>(c, longest, back, space));
  back ? at.backward() : at.forward();
}

template <class T>
constexpr Attend attention() {
  return {attention_bytes<T>, attend<T>};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

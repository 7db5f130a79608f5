// Which keys a query may look at, asked of tiles first: most are seen as a whole, or not at all.
#pragma once

#include "gemm/tiles.h"
#include "unpad_kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int64_t kQueryTile = 48, kKeyTile = 64;

// As wide as a T.
template <class T>
struct AsWide;
template <>
struct AsWide<float> {
  typedef int32_t Int;
};
template <>
struct AsWide<double> {
  typedef int64_t Int;
};

template <class T>
constexpr T kHidden = -T(__builtin_inf());

// How much of a tile is seen, of what is neither before `from` nor beyond `to`.
enum Seen { kNothing, kSome, kEverything };

// The pairs of one sequence, and of one head of queries at a time.
template <class T>
struct Visible {
  typedef typename AsWide<T>::Int Int;
  typedef typename Simd<T>::I Ints;

  const unpad_attention *call;
  int64_t sequence, first_query, keys;
  Int *blocks;  // of the keys, as vectors want them, up to a whole tile; or null
  int32_t least_query = 0, most_query = 0;  // of the blocks of a tile of queries

  static int64_t room(const unpad_attention *c, int64_t longest) {
    return c->key_blocks ? (longest + kKeyTile - 1) / kKeyTile * kKeyTile : 0;
  }
  Visible(const unpad_attention *c, int64_t b, int64_t n, Int *space)
      : call(c), sequence(b), first_query(c->queries[b]), keys(n), blocks(c->key_blocks ? space : nullptr) {
    if (!blocks) return;
    for (int64_t k = 0; k < keys; ++k) blocks[k] = c->key_blocks[c->keys[b] + k];
    for (int64_t k = keys; k % kKeyTile; ++k) blocks[k] = blocks[keys - 1];
  }

  // By causal and window alone.
  int64_t from(int64_t q) const { return call->window && q >= call->window ? q - call->window + 1 : 0; }
  int64_t to(int64_t q) const {
    const int64_t end = call->causal ? q + 1 : call->window ? q + call->window : keys;
    return end < keys ? end : keys;
  }
  // Whether more than these decide.
  bool masked() const { return call->key_blocks || call->seen; }

  const uint8_t *seen(int64_t head, int64_t q, int64_t k) const {
    return call->seen + sequence * call->seen_sequence + head * call->seen_head + q * call->seen_query + k;
  }

  // Before tiles of queries q .. q + count are asked of.
  void take(int64_t q, int64_t count) {
    if (!call->query_blocks) return;
    const int32_t *of = call->query_blocks + first_query + q;
    least_query = most_query = of[0];
    for (int64_t i = 1; i < count; ++i) {
      if (of[i] < least_query) least_query = of[i];
      if (of[i] > most_query) most_query = of[i];
    }
  }
  Seen of_tile(int64_t head, int64_t q, int64_t count, int64_t k, int64_t n) const {
    bool all = true;
    if (blocks) {
      Int least = blocks[k], most = least;
      for (int64_t j = 1; j < n; ++j) {
        least = blocks[k + j] < least ? blocks[k + j] : least;
        most = blocks[k + j] > most ? blocks[k + j] : most;
      }
      if (least > most_query || most < least_query) return kNothing;
      all = least == most && least_query == most_query;
    }
    if (call->seen) {
      uint8_t any = 0, every = 1;
      for (int64_t r = 0; r < count; ++r) {
        const uint8_t *row = seen(head, q + r, k);
        for (int64_t j = 0; j < n; ++j) {
          any |= row[j];
          every &= uint8_t(row[j] != 0);
        }
      }
      if (!any) return kNothing;
      all = all && every;
    }
    return all ? kEverything : kSome;
  }
  // Of query q the scores of keys k .. k + n, up to `wide`: hidden where it may not look by more than causal and window.
  // Not inline: what is seen as a whole runs through the loop around it, too.
  __attribute__((noinline)) void hide(T *row, int64_t head, int64_t q, int64_t k, int64_t n, int64_t wide) const {
    if (blocks) {
      const Ints own = Ints{} + Int(call->query_blocks[first_query + q]);
      for (int64_t j = 0; j < wide; j += kLanes<T>) {
        Ints of;
        memcpy(&of, blocks + k + j, sizeof of);
        store_whole(row + j, of == own ? load_whole(row + j) : Vec<T>{} + kHidden<T>);
      }
    }
    if (call->seen) {
      const uint8_t *at = seen(head, q, k);
      for (int64_t j = 0; j < n; ++j) row[j] = at[j] ? row[j] : kHidden<T>;
    }
  }
  // Whether query q may look at any of keys k .. k + n; of what `hide` is asked about.
  bool any(int64_t head, int64_t q, int64_t k, int64_t n) const {
    const int64_t first = from(q) - k, end = to(q) - k;
    for (int64_t j = first > 0 ? first : 0; j < n && j < end; ++j)
      if ((!blocks || blocks[k + j] == call->query_blocks[first_query + q]) && (!call->seen || *seen(head, q, k + j)))
        return true;
    return false;
  }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

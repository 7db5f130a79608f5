// unpad_attention_* on random sizes against sums over all pairs in long double, on every instruction set: any heads,
// head sizes that are no whole vectors, strides, windows, causal, blocks, grids of what is seen, weights dropped and given
// back, sequences without keys or queries. Alone and with any number of threads the bits are the same (what is dropped
// hangs on the place in the batch). Arrays end where they end, so that the sanitizer sees a step too far.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "seeds.h"

namespace {

typedef long double Wide;

template <class T>
struct Batch {
  int64_t heads, key_heads, size, value_size, causal, window, gap;
  double scale;
  std::vector<int64_t> queries{0}, keys{0};
  std::vector<T> query, key, value, d_out, d_weights;
  std::vector<int32_t> query_blocks, key_blocks;
  std::vector<uint8_t> seen;
  int64_t seen_sequence = 0, seen_head = 0, seen_query = 0, seed = 0, widest = 0;
  double rate = 0;

  int64_t batch() const { return int64_t(queries.size()) - 1; }
  int64_t query_step() const { return heads * size + gap; }
  int64_t key_step() const { return key_heads * size + gap; }
  int64_t value_step() const { return key_heads * value_size + gap; }
  // A last row has no gap behind it.
  static int64_t room(int64_t steps, int64_t step, int64_t gap) { return steps ? steps * step - gap : 0; }

  explicit Batch(std::mt19937_64 &random) {
    auto one_of = [&](std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; };
    key_heads = one_of({1, 2, 3}), heads = key_heads * one_of({1, 1, 2});
    size = one_of({1, 3, 4, 8, 15, 16, 17, 33, 64}), value_size = random() % 2 ? size : one_of({1, 5, 16, 40});
    causal = random() % 2, window = one_of({0, 0, 1, 2, 30}), gap = one_of({0, 0, 3});
    scale = random() % 4 ? 1 / std::sqrt(double(size)) : -0.7;
    const bool alike = random() % 2;
    for (int64_t b = one_of({0, 1, 2, 4}); b > 0; --b) {
      const int64_t n = one_of({0, 1, 2, 7, 16, 47, 48, 49, 64, 65, 130});
      queries.push_back(queries.back() + n);
      keys.push_back(keys.back() + (alike ? n : one_of({0, 1, 9, 63, 64, 100})));
    }
    std::normal_distribution<double> normal;
    auto fill = [&](std::vector<T> &to, int64_t n) {
      for (int64_t i = 0; i < n; ++i) to.push_back(T(normal(random)));
    };
    fill(query, room(queries.back(), query_step(), gap));
    fill(key, room(keys.back(), key_step(), gap));
    fill(value, room(keys.back(), value_step(), gap));
    fill(d_out, queries.back() * heads * value_size);
    const int64_t asking = most(queries), looked_at = most(keys);
    if (random() % 3 == 0) {
      const int64_t run = one_of({1, 3, 40});
      for (int64_t i = 0; i < queries.back(); ++i) query_blocks.push_back(int32_t(i / run % 5 - 2));
      for (int64_t i = 0; i < keys.back(); ++i) key_blocks.push_back(int32_t(i / run % 5 - 2));
    }
    if (random() % 3 == 0) {
      const bool of_sequence = random() % 2, of_head = random() % 2;
      seen_query = looked_at + one_of({0, 2});
      seen_head = of_head ? asking * seen_query : 0;
      seen_sequence = of_sequence ? (of_head ? heads : 1) * asking * seen_query : 0;
      const int64_t grids = (of_head ? heads : 1) * (of_sequence ? batch() : 1), often = one_of({1, 3, 60});
      for (int64_t i = 0; i < grids * asking * seen_query; ++i) seen.push_back(random() % uint64_t(often) != 1);
    }
    if (random() % 3 == 0) rate = random() % 4 ? 0.3 : 1, seed = int64_t(random());
    if (random() % 3 == 0) {
      widest = looked_at + one_of({0, 5});
      fill(d_weights, queries.back() * heads * widest);
    }
  }
  static int64_t most(const std::vector<int64_t> &offsets) {
    int64_t steps = 0;
    for (size_t b = 1; b < offsets.size(); ++b) steps = std::max(steps, offsets[b] - offsets[b - 1]);
    return steps;
  }
  // By places in sequence s.
  bool sees(int64_t s, int64_t head, int64_t q, int64_t k) const {
    if (causal && k > q) return false;
    if (window && !(k > q - window && k < q + window)) return false;
    if (!key_blocks.empty() &&
        query_blocks[size_t(queries[size_t(s)] + q)] != key_blocks[size_t(keys[size_t(s)] + k)])
      return false;
    return seen.empty() || seen[size_t(s * seen_sequence + head * seen_head + q * seen_query + k)];
  }
  // What a weight is multiplied by: as unpad_kernels.h says it.
  double kept(int64_t q, int64_t head, int64_t k) const {
    if (rate == 0) return 1;
    if (rate == 1) return 0;
    uint64_t r = uint64_t(seed) + (uint64_t(q * heads + head) + 1) * 0x9e3779b97f4a7c15u;
    r = (r ^ (r >> 30)) * 0xbf58476d1ce4e5b9u, r = (r ^ (r >> 27)) * 0x94d049bb133111ebu, r = r ^ (r >> 31);
    uint32_t x = uint32_t(k) + uint32_t(r);
    x = (x ^ (x >> 16)) * 0x7feb352du, x = (x ^ (x >> 15)) * 0x846ca68bu, x = (x ^ (x >> 16)) + uint32_t(r >> 32);
    x = (x ^ (x >> 16)) * 0x7feb352du;
    return x < rate * 0x1p32 ? 0 : 1 / (1 - rate);
  }
};

template <class T>
struct Out {
  std::vector<T> out, logs, d_query, d_key, d_value, weights;
};

template <class T>
Out<T> run(const Batch<T> &b, int32_t threads) {
  const size_t queries = size_t(b.queries.back() * b.heads), keys = size_t(b.keys.back() * b.key_heads);
  const size_t size = size_t(b.size), value_size = size_t(b.value_size);
  Out<T> out{std::vector<T>(queries * value_size), std::vector<T>(queries), std::vector<T>(queries * size),
             std::vector<T>(keys * size), std::vector<T>(keys * value_size), std::vector<T>(b.d_weights.size())};
  unpad_attention a = {};
  a.query = b.query.data(), a.key = b.key.data(), a.value = b.value.data();
  a.queries = b.queries.data(), a.keys = b.keys.data(), a.out = out.out.data(), a.logs = out.logs.data();
  a.d_out = b.d_out.data(), a.d_query = out.d_query.data(), a.d_key = out.d_key.data(), a.d_value = out.d_value.data();
  a.query_steps = b.queries.back(), a.key_steps = b.keys.back(), a.batch = b.batch();
  a.heads = b.heads, a.key_heads = b.key_heads, a.size = b.size, a.value_size = b.value_size;
  a.query_step = b.query_step(), a.key_step = b.key_step(), a.value_step = b.value_step();
  a.causal = b.causal, a.window = b.window, a.scale = b.scale, a.rate = b.rate, a.seed = b.seed;
  if (!b.key_blocks.empty() && !b.query_blocks.empty())
    a.query_blocks = b.query_blocks.data(), a.key_blocks = b.key_blocks.data();
  if (!b.seen.empty()) a.seen = b.seen.data(), a.seen_bytes = int64_t(b.seen.size());
  a.seen_sequence = b.seen_sequence, a.seen_head = b.seen_head, a.seen_query = b.seen_query;
  if (!b.d_weights.empty()) a.weights = out.weights.data(), a.d_weights = b.d_weights.data(), a.widest = b.widest;
  require(unpad_attention_forward(kDtype<T>, threads, &a) == UNPAD_OK, "forward");
  require(unpad_attention_backward(kDtype<T>, threads, &a) == UNPAD_OK, "backward");
  return out;
}

template <class T>
void close(const std::vector<T> &got, const std::vector<Wide> &want, const char *what) {
  const double most = sizeof(T) == 4 ? 2e-5 : 1e-12;
  double about = 1;
  for (Wide x : want) about = std::max(about, double(std::fabs(x)));
  require(got.size() == want.size(), what);
  for (size_t i = 0; i < got.size(); ++i)
    require(std::fabs(double(got[i]) - double(want[i])) <= most * about, what, double(got[i]), double(want[i]));
}

template <class T>
void check(const Batch<T> &b) {
  const Out<T> out = run(b, 1);
  const int64_t size = b.size, value_size = b.value_size;
  std::vector<Wide> rows(out.out.size()), d_query(out.d_query.size()), d_key(out.d_key.size()),
      d_value(out.d_value.size()), weights(out.weights.size());
  for (int64_t s = 0; s < b.batch(); ++s)
    for (int64_t head = 0; head < b.heads; ++head)
      for (int64_t q = b.queries[size_t(s)]; q < b.queries[size_t(s) + 1]; ++q) {
        const int64_t first = b.keys[size_t(s)], n = b.keys[size_t(s) + 1] - first;
        const int64_t own = head / (b.heads / b.key_heads);
        const T *query = b.query.data() + q * b.query_step() + head * size;
        const T *d = b.d_out.data() + (q * b.heads + head) * value_size;
        std::vector<Wide> weight(static_cast<size_t>(n)), slope(static_cast<size_t>(n));
        Wide total = 0, mean = 0;
        for (int64_t k = 0; k < n; ++k) {
          if (!b.sees(s, head, q - b.queries[size_t(s)], k)) continue;
          Wide score = 0;
          for (int64_t i = 0; i < size; ++i)
            score += Wide(query[i]) * Wide(b.key[size_t((first + k) * b.key_step() + own * size + i)]);
          total += weight[size_t(k)] = std::exp(score * Wide(b.scale));
        }
        for (int64_t k = 0; k < n && total > 0; ++k) {
          const size_t v = size_t((first + k) * b.value_step() + own * value_size);
          weight[size_t(k)] /= total;
          const Wide kept = Wide(b.kept(q, head, k));
          for (int64_t i = 0; i < value_size; ++i) {
            rows[size_t((q * b.heads + head) * value_size + i)] += weight[size_t(k)] * kept * Wide(b.value[v + size_t(i)]);
            slope[size_t(k)] += kept * Wide(d[i]) * Wide(b.value[v + size_t(i)]);
            d_value[size_t(((first + k) * b.key_heads + own) * value_size + i)] += weight[size_t(k)] * kept * Wide(d[i]);
          }
          if (b.widest) {
            const size_t at = size_t((q * b.heads + head) * b.widest + k);
            weights[at] = weight[size_t(k)], slope[size_t(k)] += Wide(b.d_weights[at]);
          }
          mean += weight[size_t(k)] * slope[size_t(k)];
        }
        for (int64_t k = 0; k < n && total > 0; ++k) {
          const Wide by = weight[size_t(k)] * (slope[size_t(k)] - mean) * Wide(b.scale);
          for (int64_t i = 0; i < size; ++i) {
            d_query[size_t((q * b.heads + head) * size + i)] +=
                by * Wide(b.key[size_t((first + k) * b.key_step() + own * size + i)]);
            d_key[size_t(((first + k) * b.key_heads + own) * size + i)] += by * Wide(query[i]);
          }
        }
      }
  close(out.out, rows, "out"), close(out.d_query, d_query, "d_query");
  close(out.d_key, d_key, "d_key"), close(out.d_value, d_value, "d_value"), close(out.weights, weights, "weights");
  const Out<T> other = run(b, 3);
  auto same = [](const std::vector<T> &a, const T *with) {
    return a.empty() || !std::memcmp(a.data(), with, a.size() * sizeof(T));
  };
  require(same(out.out, other.out.data()) && same(out.d_query, other.d_query.data()) &&
              same(out.d_key, other.d_key.data()) && same(out.d_value, other.d_value.data()),
          "bits depend on threads");
  require(same(out.weights, other.weights.data()), "bits of weights depend on threads");
  if (b.rate > 0) return;
  for (int64_t s = 0; s < b.batch(); ++s) {
    Batch<T> one = b;
    const int64_t q = b.queries[size_t(s)], queries = b.queries[size_t(s) + 1] - q;
    const int64_t k = b.keys[size_t(s)], keys = b.keys[size_t(s) + 1] - k;
    one.queries = {0, queries}, one.keys = {0, keys};
    auto part = [&](const std::vector<T> &of, int64_t from, int64_t n, int64_t step, int64_t gap) {
      const auto begin = of.begin() + (n ? from * step : 0);
      return std::vector<T>(begin, begin + Batch<T>::room(n, step, gap));
    };
    one.query = part(b.query, q, queries, b.query_step(), b.gap);
    one.key = part(b.key, k, keys, b.key_step(), b.gap);
    one.value = part(b.value, k, keys, b.value_step(), b.gap);
    one.d_out = part(b.d_out, q, queries, b.heads * value_size, 0);
    auto ids = [](const std::vector<int32_t> &of, int64_t from, int64_t n) {
      return of.empty() ? of : std::vector<int32_t>(of.begin() + from, of.begin() + from + n);
    };
    one.query_blocks = ids(b.query_blocks, q, queries), one.key_blocks = ids(b.key_blocks, k, keys);
    one.seen.erase(one.seen.begin(), one.seen.begin() + (b.seen.empty() ? 0 : s * b.seen_sequence));
    one.d_weights = part(b.d_weights, q, b.widest ? queries : 0, b.heads * b.widest, 0);
    const Out<T> alone = run(one, 1);
    require(same(alone.weights, out.weights.data() + q * b.heads * b.widest), "weights alone and in company");
    require(same(alone.out, out.out.data() + q * b.heads * value_size) &&
                same(alone.d_query, out.d_query.data() + q * b.heads * size) &&
                same(alone.d_key, out.d_key.data() + k * b.key_heads * size) &&
                same(alone.d_value, out.d_value.data() + k * b.key_heads * value_size),
            "alone and in company");
  }
}

void check_refusals() {
  doing = "refusals";
  float x[8] = {}, y[8];
  int64_t offsets[3] = {0, 1, 2};
  unpad_attention a = {};
  a.query = a.key = a.value = a.d_out = x, a.out = a.logs = a.d_query = a.d_key = a.d_value = y;
  a.queries = a.keys = offsets, a.query_steps = a.key_steps = a.batch = 2;
  a.heads = a.key_heads = a.size = a.value_size = a.query_step = a.key_step = a.value_step = 1;
  require(unpad_attention_forward(UNPAD_FLOAT32, 1, &a) == UNPAD_OK, "what is right");
  require(unpad_attention_forward(7, 1, &a) == UNPAD_BAD_ENUM, "a dtype");
  require(unpad_attention_forward(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
  for (int64_t unpad_attention::*size :
       {&unpad_attention::query_steps, &unpad_attention::key_steps, &unpad_attention::batch, &unpad_attention::heads,
        &unpad_attention::size, &unpad_attention::value_size, &unpad_attention::window}) {
    unpad_attention other = a;
    other.*size = -1;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "a negative size");
  }
  for (int64_t unpad_attention::*step :
       {&unpad_attention::query_step, &unpad_attention::key_step, &unpad_attention::value_step}) {
    unpad_attention other = a;
    other.*step = 0;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "rows that overlap");
  }
  for (void *unpad_attention::*array : {&unpad_attention::out, &unpad_attention::logs}) {
    unpad_attention other = a;
    other.*array = nullptr;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_NULL_POINTER, "no room for what comes out");
  }
  for (double rate : {-0.1, 1.1, std::nan("")}) {
    unpad_attention other = a;
    other.rate = rate;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "a rate");
  }
  {
    unpad_attention other = a;
    const int32_t blocks[2] = {};
    other.query_blocks = blocks;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_NULL_POINTER, "blocks of one side");
    other = a;
    const uint8_t seen[2] = {1, 1};
    other.seen = seen, other.seen_bytes = 2, other.seen_sequence = 1;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_OK, "a grid");
    for (auto [step, by] : {std::pair<int64_t, int64_t>{2, 2}, {1, 1}, {-1, 2}}) {
      other.seen_sequence = step, other.seen_bytes = by;
      require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "a grid that is too small");
    }
    other = a;
    other.weights = y;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "weights narrower than keys");
    other.widest = 1;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_OK, "weights");
    other.weights = nullptr, other.d_weights = x;
    require(unpad_attention_backward(UNPAD_FLOAT32, 1, &other) == UNPAD_NULL_POINTER, "weights that are not there");
  }
  for (void *unpad_attention::*array : {&unpad_attention::d_query, &unpad_attention::d_key, &unpad_attention::d_value}) {
    unpad_attention other = a;
    other.*array = nullptr;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &other) == UNPAD_OK, "gradients that nobody asks for");
    require(unpad_attention_backward(UNPAD_FLOAT32, 1, &other) == UNPAD_NULL_POINTER, "no room for a gradient");
  }
  a.key_heads = 2, a.key_step = a.value_step = 2;
  require(unpad_attention_forward(UNPAD_FLOAT32, 1, &a) == UNPAD_BAD_SIZE, "more heads of keys");
  a.key_heads = 1, a.causal = 2;
  require(unpad_attention_forward(UNPAD_FLOAT32, 1, &a) == UNPAD_BAD_ENUM, "causal in another way");
  a.causal = 0;
  for (int64_t bad : {-1, 3}) {
    offsets[1] = bad;
    require(unpad_attention_forward(UNPAD_FLOAT32, 1, &a) == UNPAD_BAD_INDEX, "offsets that fall");
  }
}

}  // namespace

int main(int count, char **words) {
  check_refusals();
  check_seeds(count, words, "attention", [](unsigned seed, auto zero) {
    std::mt19937_64 random(seed);
    check(Batch<decltype(zero)>(random));
  });
  return 0;
}

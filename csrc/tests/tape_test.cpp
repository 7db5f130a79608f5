// unpad_tape_walk on tapes drawn at random against their operations taken one number at a time in double, on every
// instruction set, there and back. Alone and with any number of threads a sequence has the same bits. Arrays end where
// they end, so that the sanitizer sees a step too far.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "seeds.h"
#include "unpad_tape.h"

namespace {

typedef std::vector<double> Row;

// A tape, with the numbers that it is given.
template <class T>
struct Case {
  std::mt19937_64 random;
  std::vector<int64_t> lengths;  // longest first
  bool back;
  std::vector<unpad_tape_array> arrays;
  std::vector<unpad_tape_operation> operations;
  std::vector<std::vector<T>> data, start, coming;  // of each array
  std::vector<bool> outs;                           // arrays that the walk fills

  int64_t one_of(std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; }
  int64_t below(int64_t n) { return int64_t(random() % uint64_t(n)); }
  int64_t steps() const {
    int64_t sum = 0;
    for (int64_t n : lengths) sum += n;
    return sum;
  }
  std::vector<T> numbers(int64_t n) {
    std::vector<T> drawn(static_cast<size_t>(n));
    std::normal_distribution<double> normal(0, .5);
    for (T &x : drawn) x = T(normal(random));
    return drawn;
  }

  int64_t array(int64_t kind, int64_t width, bool out = true) {
    unpad_tape_array a = {};
    a.kind = kind, a.width = width;
    arrays.push_back(a);
    data.emplace_back(), start.emplace_back(), coming.emplace_back();
    if (kind == UNPAD_TAPE_STEPS) data.back() = out ? std::vector<T>(size_t(steps() * width)) : numbers(steps() * width);
    outs.push_back(out && kind == UNPAD_TAPE_STEPS);
    return int64_t(arrays.size()) - 1;
  }

  int64_t shared(int64_t rows, int64_t width, bool transposed) {
    const int64_t i = array(UNPAD_TAPE_SHARED, width);
    const int64_t row = transposed ? rows : width, stride = row + below(2), count = transposed ? width : rows;
    arrays.back().rows = rows, arrays.back().stride = stride, arrays.back().transposed = transposed;
    data.back() = numbers((count - 1) * stride + row);
    return i;
  }

  // A value among those that there are, as wide as an outcome or one number of a row.
  bool pick(int64_t width, bool spread, int64_t *i, int64_t *column, int64_t *each) {
    for (int tries = 0; tries < 20; ++tries) {
      *i = below(int64_t(arrays.size()));
      const unpad_tape_array &a = arrays[size_t(*i)];
      if (a.kind == UNPAD_TAPE_SHARED && a.transposed) continue;
      *each = !(spread && below(3) == 0);
      const int64_t left = a.width - (*each ? width : 1);
      if (left < 0) continue;
      *column = below(left + 1);
      return true;
    }
    return false;
  }

  explicit Case(unsigned seed) : random(seed) {
    back = below(2);
    for (int64_t b = one_of({1, 2, 5, 27, 60}); b > 0; --b) lengths.push_back(1 + below(b > 9 ? 4 : 9));
    std::sort(lengths.rbegin(), lengths.rend());
    const int64_t states = 1 + below(2);
    std::vector<int64_t> state;
    for (int64_t k = 0; k < states; ++k) {
      state.push_back(array(UNPAD_TAPE_STATE, one_of({1, 3, 8, 20, 37})));
      const int64_t width = arrays.back().width;
      if (below(2)) start.back() = numbers(int64_t(lengths.size()) * width);
      if (below(2)) coming.back() = numbers(steps() * width);
      if (below(2)) data.back().resize(size_t(steps() * width));
    }
    for (int64_t k = below(3); k >= 0; --k) array(UNPAD_TAPE_STEPS, one_of({1, 4, 20, 40, 100}), false);
    shared(1, one_of({1, 20, 40}), false);
    for (int64_t k = 2 + below(10); k > 0; --k) add(one_of({1, 3, 8, 17, 20, 37, 64}));
    for (int64_t i : state) {  // what is handed on stays small
      unpad_tape_operation o = {};
      o.op = UNPAD_TAPE_TANH, o.width = arrays[size_t(i)].width, o.b = -1;
      do add(arrays[size_t(i)].width);
      while (arrays.back().width < o.width || arrays.back().kind > UNPAD_TAPE_STEPS);
      o.a = int64_t(arrays.size()) - 1, o.a_each = 1;
      o.out = arrays[size_t(i)].after = array(UNPAD_TAPE_STEPS, o.width);
      operations.push_back(o);
    }
  }

  void add(int64_t width) {
    unpad_tape_operation o = {};
    o.op = below(12), o.width = width, o.b = -1;
    o.number = double(one_of({-1, 1, 2, 3})) / 2;
    if (o.op == UNPAD_TAPE_EXP) o.op = UNPAD_TAPE_TANH;  // of anything: too large; below, of what is small
    if (!pick(width, o.op >= UNPAD_TAPE_ADD && o.op <= UNPAD_TAPE_COPY, &o.a, &o.a_column, &o.a_each)) return;
    if (o.op == UNPAD_TAPE_PRODUCT) {
      const unpad_tape_array &a = arrays[size_t(o.a)];
      if (a.kind == UNPAD_TAPE_SHARED && below(2)) return;
      const int64_t depth = 1 + below(a.width - o.a_column);
      if (below(2) && !pick(width, true, &o.b, &o.b_column, &o.b_each)) o.b = -1;
      o.factor = shared(depth, width, below(2));
    } else if (o.op <= UNPAD_TAPE_WHERE_ABOVE && o.op != UNPAD_TAPE_DIV) {
      const bool number = o.op != UNPAD_TAPE_WHERE_ABOVE && below(4) == 0;
      if (!number && !pick(width, true, &o.b, &o.b_column, &o.b_each)) return;
      if (o.op != UNPAD_TAPE_WHERE_ABOVE && below(8) == 0) o.a = -1;
    }
    const int64_t room = o.op == UNPAD_TAPE_SUM ? 1 : width;
    if (o.op == UNPAD_TAPE_SIGMOID) {  // then its exp, and something over that
      o.out = array(UNPAD_TAPE_SPACE, width);
      operations.push_back(o);
      o.op = UNPAD_TAPE_EXP, o.a = o.out, o.a_column = 0, o.out = array(UNPAD_TAPE_STEPS, width);
      operations.push_back(o);
      o.op = UNPAD_TAPE_DIV, o.b = o.out, o.b_each = 1, o.a = -1;
    }
    o.out_column = below(3) ? 0 : below(4);
    o.out = array(below(2) ? UNPAD_TAPE_SPACE : UNPAD_TAPE_STEPS, o.out_column + room);
    if (o.out_column) {  // what else stands in its rows
      unpad_tape_operation fill = {};
      fill.op = UNPAD_TAPE_ADD, fill.width = o.out_column, fill.a = fill.b = -1, fill.out = o.out, fill.number = .25;
      operations.push_back(fill);
    }
    operations.push_back(o);
  }

  int64_t active(int64_t t) const {
    return std::count_if(lengths.begin(), lengths.end(), [=](int64_t n) { return n > t; });
  }

  // The packed row of a sequence's step.
  int64_t packed(int64_t row, int64_t t) const {
    int64_t at = row;
    for (int64_t before = 0; before < t; ++before) at += active(before);
    return at;
  }

  // Only one of the sequences.
  Case alone(int64_t row) const {
    Case one = *this;
    one.lengths = {lengths[size_t(row)]};
    for (size_t i = 0; i < arrays.size(); ++i) {
      const int64_t width = arrays[i].width;
      auto part = [&](const std::vector<T> &all, std::vector<T> &of) {
        if (all.empty()) return;
        of.clear();
        for (int64_t t = 0; t < lengths[size_t(row)]; ++t) {
          const T *from = all.data() + packed(row, t) * width;
          of.insert(of.end(), from, from + width);
        }
      };
      if (arrays[i].kind != UNPAD_TAPE_SHARED) part(data[i], one.data[i]), part(coming[i], one.coming[i]);
      if (!start[i].empty()) one.start[i].assign(start[i].begin() + row * width, start[i].begin() + (row + 1) * width);
    }
    return one;
  }

  int32_t run(int32_t threads) {
    std::vector<int64_t> times;
    for (int64_t t = 0; !lengths.empty() && t < lengths[0]; ++t) times.push_back(active(t));
    for (size_t i = 0; i < arrays.size(); ++i) {
      auto at = [](std::vector<T> &of) { return of.empty() ? nullptr : of.data(); };
      arrays[i].data = at(data[i]), arrays[i].start = at(start[i]), arrays[i].coming = at(coming[i]);
    }
    const unpad_tape tape = {arrays.data(), operations.data(), times.data(), int64_t(arrays.size()),
                             int64_t(operations.size()), int64_t(times.size()), steps(), back};
    return unpad_tape_walk(kDtype<T>, threads, &tape);
  }
};

// One sequence, number by number: calls seen(array, t, numbers) for each array of rows.
template <class T, class Seen>
void walk(const Case<T> &c, int64_t row, Seen seen) {
  const size_t count = c.arrays.size();
  std::vector<Row> now(count), before;
  const int64_t length = c.lengths[size_t(row)];
  for (int64_t k = 0; k < length; ++k) {
    const int64_t t = c.back ? length - 1 - k : k, packed = c.packed(row, t);
    before = now;
    for (size_t i = 0; i < count; ++i) {
      const unpad_tape_array &a = c.arrays[i];
      auto numbers = [&](const std::vector<T> &of, int64_t at) {
        return of.empty() ? Row(size_t(a.width), 0) : Row(of.begin() + at * a.width, of.begin() + (at + 1) * a.width);
      };
      if (a.kind == UNPAD_TAPE_SHARED) {
        if (!a.transposed) now[i] = Row(c.data[i].begin(), c.data[i].begin() + a.width);
      } else if (a.kind == UNPAD_TAPE_STATE) {
        now[i] = k ? before[size_t(a.after)] : numbers(c.start[i], row);
        const Row more = numbers(c.coming[i], packed);
        for (int64_t j = 0; j < a.width; ++j) now[i][size_t(j)] += more[size_t(j)];
      } else {
        now[i] = c.outs[i] || a.kind == UNPAD_TAPE_SPACE ? Row(size_t(a.width), 0) : numbers(c.data[i], packed);
      }
    }
    for (const unpad_tape_operation &o : c.operations) {
      auto value = [&](int64_t array, int64_t column, int64_t each, int64_t j) {
        return array < 0 ? double(T(o.number)) : now[size_t(array)][size_t(column + (each ? j : 0))];
      };
      if (o.op == UNPAD_TAPE_SUM) {
        double sum = 0;
        for (int64_t j = 0; j < o.width; ++j) sum += value(o.a, o.a_column, 1, j);
        now[size_t(o.out)][size_t(o.out_column)] = sum;
        continue;
      }
      Row out;
      for (int64_t j = 0; j < o.width; ++j) {
        const double b = value(o.b, o.b_column, o.b_each, j);
        if (o.op == UNPAD_TAPE_PRODUCT) {
          const unpad_tape_array &f = c.arrays[size_t(o.factor)];
          double sum = o.b < 0 ? 0 : b;
          for (int64_t i = 0; i < f.rows; ++i)
            sum += value(o.a, o.a_column, 1, i) *
                   double(c.data[size_t(o.factor)][size_t(f.transposed ? j * f.stride + i : i * f.stride + j)]);
          out.push_back(sum);
          continue;
        }
        const double a = value(o.a, o.a_column, o.a_each, j);
        switch (o.op) {
          case UNPAD_TAPE_ADD: out.push_back(a + b); break;
          case UNPAD_TAPE_SUB: out.push_back(a - b); break;
          case UNPAD_TAPE_MUL: out.push_back(a * b); break;
          case UNPAD_TAPE_DIV: out.push_back(a / b); break;
          case UNPAD_TAPE_WHERE_ABOVE: out.push_back(b > o.number ? a : 0); break;
          case UNPAD_TAPE_COPY: out.push_back(a); break;
          case UNPAD_TAPE_TANH: out.push_back(std::tanh(a)); break;
          case UNPAD_TAPE_SIGMOID: out.push_back(1 / (1 + std::exp(-a))); break;
          case UNPAD_TAPE_RELU: out.push_back(a > 0 ? a : 0); break;
          case UNPAD_TAPE_EXP: out.push_back(std::exp(a)); break;
        }
      }
      std::copy(out.begin(), out.end(), now[size_t(o.out)].begin() + o.out_column);
    }
    for (size_t i = 0; i < count; ++i)
      if (c.arrays[i].kind == UNPAD_TAPE_STATE || c.outs[i]) seen(i, packed, now[i]);
  }
}

template <class T>
void check(unsigned seed) {
  Case<T> c(seed), other = c;
  require(c.run(1) == UNPAD_OK, "is refused");
  require(other.run(3) == UNPAD_OK, "is refused with threads");
  // A threshold or a relu on another side in double and in T: the seed is nobody's.
  bool jumps = false;
  for (const unpad_tape_operation &o : c.operations) jumps |= o.op == UNPAD_TAPE_WHERE_ABOVE;
  for (size_t i = 0; i < c.arrays.size(); ++i)
    require(c.data[i].empty() || !std::memcmp(c.data[i].data(), other.data[i].data(), c.data[i].size() * sizeof(T)),
            "bits depend on threads");
  for (int64_t row = 0; row < int64_t(c.lengths.size()); ++row) {
    Case<T> one = c.alone(row);
    require(one.run(1) == UNPAD_OK, "alone is refused");
    const Case<T> want = c.alone(row);
    for (size_t i = 0; i < c.arrays.size(); ++i)
      require(one.data[i].empty() || !std::memcmp(one.data[i].data(), want.data[i].data(), one.data[i].size() * sizeof(T)),
              "bits alone and in company");
    walk(c, row, [&](size_t i, int64_t packed, const Row &numbers) {
      if (c.data[i].empty() || jumps) return;
      for (size_t j = 0; j < numbers.size(); ++j) {
        const double got = double(c.data[i][size_t(packed) * numbers.size() + j]);
        const double most = (sizeof(T) == 4 ? 1e-3 : 1e-9) * (10 + std::fabs(numbers[j]));
        require(got == numbers[j] || std::fabs(got - numbers[j]) <= most, "a number", got, numbers[j]);
      }
    });
  }
}

// Each activation and comparison by itself, where numbers are odd.
template <class T>
void check_odd_numbers() {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::nan("");
  std::vector<T> x = {0, -0.0, 1, -1, 20, -20, 80, -80, 88, -103, 700, -740, inf, -inf, nan};
  for (int64_t op : {UNPAD_TAPE_TANH, UNPAD_TAPE_SIGMOID, UNPAD_TAPE_RELU, UNPAD_TAPE_EXP, UNPAD_TAPE_WHERE_ABOVE}) {
    std::vector<T> out(x.size());
    unpad_tape_array arrays[2] = {};
    arrays[0].kind = arrays[1].kind = UNPAD_TAPE_STEPS, arrays[0].width = arrays[1].width = int64_t(x.size());
    arrays[0].data = x.data(), arrays[1].data = out.data();
    unpad_tape_operation o = {};
    o.op = op, o.width = int64_t(x.size()), o.a_each = o.b_each = o.out = 1, o.b = op == UNPAD_TAPE_WHERE_ABOVE ? 0 : -1;
    const int64_t active = 1;
    const unpad_tape tape = {arrays, &o, &active, 2, 1, 1, 1, 0};
    require(unpad_tape_walk(kDtype<T>, 1, &tape) == UNPAD_OK, "odd numbers are refused");
    for (size_t i = 0; i < x.size(); ++i) {
      const double a = double(x[i]), e = std::exp(a);
      const double want = op == UNPAD_TAPE_TANH      ? std::tanh(a)
                          : op == UNPAD_TAPE_SIGMOID ? 1 / (1 + std::exp(-a))
                          : op == UNPAD_TAPE_EXP     ? double(T(e))
                          : op == UNPAD_TAPE_RELU    ? (a < 0 ? 0 : a)
                                                     : (a > 0 ? a : 0);
      const double got = double(out[i]), most = (sizeof(T) == 4 ? 1e-5 : 1e-13) * std::fabs(want) + 1e-37;
      require((std::isnan(got) && std::isnan(want)) || got == want || std::fabs(got - want) <= most, "an odd number", got, want);
    }
  }
}

void check_refusals() {
  doing = "refusals";
  float x[8] = {}, out[8];
  int64_t active[2] = {2, 1};
  unpad_tape_array arrays[3] = {};
  arrays[0].kind = UNPAD_TAPE_STATE, arrays[0].width = 2, arrays[0].after = 1;
  arrays[1].kind = UNPAD_TAPE_STEPS, arrays[1].width = 2, arrays[1].data = out;
  arrays[2].kind = UNPAD_TAPE_SHARED, arrays[2].width = 2, arrays[2].data = x, arrays[2].rows = arrays[2].stride = 2;
  unpad_tape_operation o = {};
  o.op = UNPAD_TAPE_PRODUCT, o.width = 2, o.out = 1, o.a_each = 1, o.b = -1, o.factor = 2;
  const unpad_tape right = {arrays, &o, active, 3, 1, 2, 3, 0};
  auto gives = [&](int32_t expected, const char *what) {
    require(unpad_tape_walk(UNPAD_FLOAT32, 2, &right) == expected, what);
  };
  auto with = [&](int64_t &field, int64_t bad, int32_t expected, const char *what) {
    const int64_t before = field;
    field = bad;
    gives(expected, what);
    field = before;
  };
  gives(UNPAD_OK, "what is right");
  require(unpad_tape_walk(2, 1, &right) == UNPAD_BAD_ENUM, "a dtype");
  require(unpad_tape_walk(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
  for (int64_t bad : {-1, 3}) {
    with(o.out, bad, UNPAD_BAD_INDEX, "an outcome nowhere");
    with(o.a, bad - (bad < 0), UNPAD_BAD_INDEX, "an operand nowhere");
    with(o.factor, bad, UNPAD_BAD_INDEX, "a factor nowhere");
    with(arrays[0].after, bad, UNPAD_BAD_INDEX, "a state from nowhere");
    with(o.a_column, bad, UNPAD_BAD_SIZE, "columns that are not there");
    with(o.out_column, bad, UNPAD_BAD_SIZE, "columns of the outcome");
    with(active[0], bad, UNPAD_BAD_INDEX, "rows that rise, or too many");
  }
  with(o.b, -2, UNPAD_BAD_INDEX, "no operand");
  with(o.b, 2, UNPAD_OK, "a row for all");
  with(o.a, 1, UNPAD_BAD_INDEX, "a product into what it reads");
  with(o.out, 0, UNPAD_BAD_INDEX, "into a state");
  with(o.out, 2, UNPAD_BAD_INDEX, "into what is shared");
  with(o.factor, 0, UNPAD_BAD_INDEX, "a factor that is not shared");
  with(o.width, 1, UNPAD_BAD_SIZE, "another width than the factor's");
  with(o.width, 0, UNPAD_BAD_SIZE, "no width");
  with(o.op, 12, UNPAD_BAD_ENUM, "an operation");
  with(o.op, -1, UNPAD_BAD_ENUM, "an operation");
  with(o.a_each, 0, UNPAD_BAD_ENUM, "a product of a number");
  with(arrays[0].after, 0, UNPAD_BAD_INDEX, "a state after itself");
  with(arrays[0].kind, 4, UNPAD_BAD_ENUM, "a kind");
  with(arrays[2].stride, 1, UNPAD_BAD_SIZE, "a stride");
  with(arrays[2].rows, 3, UNPAD_BAD_SIZE, "a product deeper than the state");
  with(arrays[1].width, 3, UNPAD_BAD_SIZE, "a state of another width");
  with(active[1], 0, UNPAD_BAD_INDEX, "a time without rows");
  arrays[1].data = nullptr;
  gives(UNPAD_NULL_POINTER, "no room");
  arrays[1].data = out;
  for (int64_t unpad_tape::*size : {&unpad_tape::steps, &unpad_tape::times, &unpad_tape::array_count, &unpad_tape::operation_count}) {
    unpad_tape bad = right;
    bad.*size = -1;
    require(unpad_tape_walk(UNPAD_FLOAT32, 1, &bad) == UNPAD_BAD_SIZE, "a negative size");
  }
  unpad_tape none = right;
  none.times = none.steps = 0;
  require(unpad_tape_walk(UNPAD_FLOAT32, 1, &none) == UNPAD_OK, "no steps");
}

}  // namespace

int main(int count, char **words) {
  check_refusals();
  check_seeds(count, words, "tapes", [](unsigned seed, auto zero) {
    check<decltype(zero)>(seed);
    check_odd_numbers<decltype(zero)>();
  });
  return 0;
}

// unpad_slots_linear and unpad_adam_step by rows on random sizes: slots against sums in double, rows against
// unpad_adam_step on the summed gradient, bit for bit. And unpad_group and unpad_distinct. Arrays end where they end,
// so that the sanitizer sees a step too far; the bits must be the same for any number of threads.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "require.h"

namespace {

std::mt19937_64 bits(20);

int64_t draw(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(bits); }

template <class T>
std::vector<T> numbers(int64_t n) {
  std::vector<T> drawn(static_cast<size_t>(n));
  std::normal_distribution<double> normal;
  for (T &x : drawn) x = T(normal(bits));
  return drawn;
}

// unpad_group, checked against looking for each group's members in turn.
void sorted(const std::vector<int64_t> &of, int64_t groups, std::vector<int64_t> &order, std::vector<int64_t> &starts) {
  std::vector<int64_t> want, begins(1, 0);
  for (int64_t g = 0; g < groups; ++g) {
    for (size_t i = 0; i < of.size(); ++i)
      if (of[i] == g) want.push_back(int64_t(i));
    begins.push_back(int64_t(want.size()));
  }
  order.assign(of.size(), -1);
  starts.assign(size_t(groups) + 1, -1);
  require(unpad_group(int64_t(of.size()), of.data(), groups, order.data(), starts.data()) == UNPAD_OK, "group");
  require(order == want && starts == begins, "members by their group");
}

void check_group_refusals() {
  doing = "refusals";
  int64_t of[2] = {0, 3}, order[2] = {7, 7}, starts[4] = {7, 7, 7, 7};
  require(unpad_group(2, of, 3, order, starts) == UNPAD_BAD_INDEX, "a group that is none");
  require(order[0] == 7 && starts[0] == 7, "nothing is written on refusal");
  require(unpad_group(-1, of, 3, order, starts) == UNPAD_BAD_SIZE, "count -1");
  require(unpad_group(2, nullptr, 3, order, starts) == UNPAD_NULL_POINTER, "null of");
  require(unpad_group(0, nullptr, 3, nullptr, starts) == UNPAD_OK && !starts[3], "no members");
}

// Indices are looked at before anything is read by them.
void check_index_refusals() {
  doing = "refusals of indices";
  float x[8] = {};
  const int64_t order[2] = {0, 1}, far[2] = {0, 2}, starts[3] = {0, 1, 2}, falling[3] = {0, 3, 2}, ids[2] = {0, 1};
  unpad_slots s = {};
  s.values = s.kernel = s.d_out = x, s.parts = s.d_kernel = s.d_values = x;
  s.order = order, s.starts = starts, s.sequence_ids = ids, s.offsets = starts;
  s.steps = s.batch = s.slots = 2, s.feature = s.units = 1;
  auto slots_with = [&](auto change) {
    unpad_slots t = s;
    change(t);
    return unpad_slots_linear(UNPAD_FLOAT32, 1, 1, &t);
  };
  require(slots_with([&](auto &t) { t.order = far; }) == UNPAD_BAD_INDEX, "a step that is none");
  require(slots_with([&](auto &t) { t.sequence_ids = far; }) == UNPAD_BAD_INDEX, "a sequence that is none");
  require(slots_with([&](auto &t) { t.offsets = falling; }) == UNPAD_BAD_INDEX, "offsets that fall");
  require(slots_with([&](auto &t) { t.starts = falling; }) == UNPAD_BAD_INDEX, "starts that fall");
  require(slots_with([&](auto &t) { t.steps = 1; }) == UNPAD_BAD_INDEX, "starts beyond the steps");
  require(slots_with([&](auto &t) { t.batch = -1; }) == UNPAD_BAD_SIZE, "batch -1");
  const unpad_adam adam = {0.9, 0.999, 0.01, 1e-7, 1};
  const unpad_adam_part part = {x, x, x, x, 2, order, falling, 1};
  require(unpad_adam_step(UNPAD_FLOAT32, 1, &adam, 1, &part) == UNPAD_BAD_INDEX, "rows whose starts fall");
}

// unpad_distinct, checked against looking for each id among those before it.
void check_distinct() {
  doing = "distinct";
  int64_t one = 1;
  require(unpad_distinct(0, nullptr, nullptr, nullptr) == 0, "no ids");
  require(unpad_distinct(-1, &one, &one, &one) == -1, "count -1");
  require(unpad_distinct(1, nullptr, &one, &one) == -1, "null ids");
  require(unpad_distinct(1, &one, nullptr, &one) == -1, "null first");
  require(unpad_distinct(1, &one, &one, nullptr) == -1, "null place");
  for (int round = 0; round < 2000; ++round) {
    doing = "distinct, round " + std::to_string(round);
    const int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
    const int64_t some[] = {least, least + 1, -1, 0, 1, most - 1, most};
    const int64_t kinds = draw(1, 90), scale = int64_t(1) << draw(0, 55);
    std::vector<int64_t> ids(size_t(draw(0, 70))), expected;
    for (int64_t &id : ids) id = draw(0, 3) ? draw(-kinds, kinds) * scale : some[draw(0, 6)];
    std::vector<int64_t> first(ids.size(), -7), place(ids.size(), -7), firsts;
    const int64_t found = unpad_distinct(int64_t(ids.size()), ids.data(), first.data(), place.data());
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto at = std::find(expected.begin(), expected.end(), ids[i]);
      require(place[i] == at - expected.begin(), "which id a member's is", double(place[i]));
      if (at == expected.end()) expected.push_back(ids[i]), firsts.push_back(int64_t(i));
    }
    require(found == int64_t(expected.size()), "how many ids there are", double(found), double(expected.size()));
    firsts.resize(ids.size(), -7);  // no more is written
    require(first == firsts, "where each id occurs first");
  }
}

template <class T>
void close(const std::vector<T> &got, const std::vector<double> &want, const char *what) {
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-11;
  for (size_t i = 0; i < got.size(); ++i)
    require(std::fabs(got[i] - want[i]) <= tolerance * (1 + std::fabs(want[i])), what, got[i], want[i]);
}

template <class T>
bool same_bits(const std::vector<T> &a, const std::vector<T> &b) {
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
void slots(int round) {
  const int64_t batch = draw(0, 5), slot_count = draw(1, 6), feature = draw(1, 40), units = draw(1, 70);
  std::vector<int64_t> of, ids;
  for (int64_t i = 0; i < batch; ++i)
    for (int64_t s = 0; s < slot_count; ++s)
      if (draw(0, 2)) of.push_back(s), ids.push_back(i);
  const int64_t steps = int64_t(of.size());
  doing = "slots, round " + std::to_string(round) + ", " + std::to_string(steps) + " steps of " +
          std::to_string(feature) + " to " + std::to_string(units);
  std::vector<int64_t> order, starts, offsets(size_t(batch) + 1);
  for (int64_t id : ids) ++offsets[size_t(id) + 1];
  for (size_t b = 1; b < offsets.size(); ++b) offsets[b] += offsets[b - 1];
  sorted(of, slot_count, order, starts);
  const auto values = numbers<T>(steps * feature), kernel = numbers<T>(slot_count * feature * units),
             d_out = numbers<T>(batch * units);
  std::vector<double> parts(size_t(steps * units)), d_values(size_t(steps * feature)),
      d_kernel(size_t(slot_count * feature * units));
  for (int64_t i = 0; i < steps; ++i)
    for (int64_t f = 0; f < feature; ++f)
      for (int64_t u = 0; u < units; ++u) {
        const size_t w = size_t((of[size_t(i)] * feature + f) * units + u);
        const double x = values[size_t(i * feature + f)], d = d_out[size_t(ids[size_t(i)] * units + u)];
        parts[size_t(i * units + u)] += x * kernel[w];
        d_values[size_t(i * feature + f)] += d * kernel[w];
        d_kernel[w] += x * d;
      }
  std::vector<T> first[3];
  for (int32_t threads : {1, 3}) {
    std::vector<T> out[3] = {std::vector<T>(parts.size()), std::vector<T>(d_values.size(), T(NAN)),
                             std::vector<T>(d_kernel.size(), T(NAN))};
    unpad_slots s = {};
    s.values = values.data(), s.kernel = kernel.data(), s.parts = out[0].data();
    s.order = order.data(), s.starts = starts.data(), s.sequence_ids = ids.data();
    s.offsets = offsets.data(), s.steps = steps, s.batch = batch, s.slots = slot_count, s.feature = feature, s.units = units;
    require(unpad_slots_linear(kDtype<T>, threads, 0, &s) == 0, "forward is refused");
    s.d_out = d_out.data(), s.d_values = out[1].data(), s.d_kernel = out[2].data();
    require(unpad_slots_linear(kDtype<T>, threads, 1, &s) == 0, "backward is refused");
    close(out[0], parts, "a part"), close(out[1], d_values, "d_values"), close(out[2], d_kernel, "d_kernel");
    s.d_values = nullptr, s.kernel = nullptr;
    std::vector<T> again(d_kernel.size());
    s.d_kernel = again.data();
    require(unpad_slots_linear(kDtype<T>, threads, 1, &s) == 0, "backward without d_values is refused");
    require(same_bits(again, out[2]), "d_kernel without d_values");
    for (int k = 0; k < 3; ++k) {
      if (threads == 1) first[k] = out[k];
      require(same_bits(first[k], out[k]), "bits depend on threads");
    }
  }
}

template <class T>
void rows(int round) {
  const int64_t table = draw(1, 9), width = draw(1, 50), readings = draw(0, 30);
  doing = "rows, round " + std::to_string(round) + ", " + std::to_string(readings) + " readings of " +
          std::to_string(table) + " rows of " + std::to_string(width);
  std::vector<int64_t> of(static_cast<size_t>(readings)), order, starts;
  for (int64_t &row : of) row = draw(0, table - 1);
  sorted(of, table, order, starts);
  const auto gradients = numbers<T>(readings * width), weight = numbers<T>(table * width),
             m = numbers<T>(table * width);
  auto v = numbers<T>(table * width);
  for (T &x : v) x = std::fabs(x);
  std::vector<T> dense(size_t(table * width));
  for (int64_t place = 0; place < readings; ++place) {
    const int64_t i = order[size_t(place)];
    for (int64_t c = 0; c < width; ++c) dense[size_t(of[size_t(i)] * width + c)] += gradients[size_t(i * width + c)];
  }
  const unpad_adam adam = {0.9, 0.999, 0.01, 1e-7, 0.99};
  std::vector<T> want[3] = {weight, m, v};
  unpad_adam_part part = {};
  part.weight = want[0].data(), part.gradient = dense.data(), part.m = want[1].data(), part.v = want[2].data();
  part.count = table * width;
  require(unpad_adam_step(kDtype<T>, 1, &adam, 1, &part) == 0, "the dense update is refused");
  for (int32_t threads : {1, 3}) {
    std::vector<T> got[3] = {weight, m, v};
    unpad_adam_part by_rows = part;
    by_rows.weight = got[0].data(), by_rows.m = got[1].data(), by_rows.v = got[2].data();
    by_rows.gradient = gradients.data(), by_rows.order = order.data(), by_rows.starts = starts.data();
    by_rows.width = width;
    require(unpad_adam_step(kDtype<T>, threads, &adam, 1, &by_rows) == 0, "the update by rows is refused");
    for (int k = 0; k < 3; ++k)
      require(same_bits(got[k], want[k]), "not the dense update's bits");
  }
}

}  // namespace

int main(int argc, char **argv) {
  check_group_refusals();
  check_index_refusals();
  check_distinct();
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  for (int round = 0; round < 20 * rounds; ++round) {
    slots<float>(round), slots<double>(round);
    rows<float>(round), rows<double>(round);
  }
  std::printf("tables: %d rounds of each\n", 20 * rounds);
}

// Recurrent layers drawn at random: what the tests of the walks and of whole layers have in common.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "recurrent/cells.h"
#include "seeds.h"

namespace {

struct Case {
  int cell, act, rec, masks, directions, hidden, threads, plan;
  std::vector<int64_t> offsets;
  bool initial, bias, d_h, d_final, alias, reverse, products;
  bool shared, apart;             // steps read the rows that row_of tells; projected inputs in an array of their own
  int64_t rows;                   // those of row_of, some of them never read, or the steps
  std::vector<int64_t> row_of;
  int64_t feature;
  bool d_values;
  unsigned seed;
  const unpad::CellRecord &record() const { return unpad::Cells::records[cell]; }
  int gates() const { return record().gates; }
  bool twice() const { return record().twice; }
  int64_t batch() const { return int64_t(offsets.size()) - 1; }
  int64_t steps() const { return offsets.back(); }
  bool reversed(int64_t direction) const { return (direction == 1) != reverse; }
  int64_t row(int64_t step) const { return shared ? row_of[size_t(step)] : step; }
};

template <class T>
unpad_problem problem_of(const Case &c, int keep) {
  return {c.cell,     dtype_of<T>(), c.act,     c.rec,     keep,     c.threads,       c.directions,
          c.masks,    c.plan,    c.steps(), c.batch(), c.hidden, c.offsets.data()};
}

template <class T>
std::vector<T> normal(std::mt19937 &random, int64_t n, double scale) {
  std::normal_distribution<double> draw(0, scale);
  std::vector<T> out(static_cast<size_t>(n));
  for (T &x : out) x = T(draw(random));
  return out;
}

template <class T>
std::vector<T> normal_mask(std::mt19937 &random, int64_t n) {
  std::vector<T> mask = normal<T>(random, n, 1);
  for (T &m : mask) m = m > T(-0.5) ? T(1 / 0.7) : T(0);
  return mask;
}

template <class T>
bool same_bits(const std::vector<T> &a, const std::vector<T> &b) {
  return a.size() == b.size() && (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * sizeof(T)));
}

Case draw(unsigned seed) {
  std::mt19937 random(seed);
  auto from = [&](std::initializer_list<int> choices) { return choices.begin()[random() % choices.size()]; };
  Case c;
  c.seed = seed;
  c.cell = int(random() % unpad::Cells::count);
  const bool usual = random() % 2;
  c.act = usual ? UNPAD_TANH : int(random() % 5);
  // Gates that are not bounded make the walk grow without end, and with it the error.
  c.rec = usual ? UNPAD_SIGMOID : from({UNPAD_SIGMOID, UNPAD_HARD_SIGMOID, UNPAD_TANH});
  c.masks = from({0, 0, 1, c.gates()});
  c.directions = from({1, 2});
  c.hidden = random() % 3 ? 1 + int(random() % 40) : from({1, 7, 16, 31, 32, 33, 64, 65, 100});
  c.threads = 1 + int(random() % 4);
  c.plan = int(random() % 3);
  c.offsets = {0};
  const int batch = from({0, 1, 2, 5, 14}), longest = from({1, 3, 8});
  for (int b = 0; b < batch; ++b) c.offsets.push_back(c.offsets.back() + int(random() % unsigned(longest + 1)));
  c.initial = random() % 2;
  c.bias = random() % 2;
  c.d_h = random() % 4;
  c.d_final = random() % 2;
  c.alias = random() % 2 && c.cell != UNPAD_MGU;
  c.reverse = random() % 2;
  c.products = random() % 2;
  c.shared = random() % 3 == 0;
  c.apart = c.shared || random() % 4 == 0;
  // Seldom more than there are steps, but so many then that several stretches of row_sums.cpp hold them.
  const int64_t most = random() % 8 ? std::max<int64_t>(1, c.steps()) : 700;
  c.rows = c.shared ? 1 + int64_t(random() % uint64_t(most)) : c.steps();
  for (int64_t step = 0; c.shared && step < c.steps(); ++step) c.row_of.push_back(int64_t(random() % uint64_t(c.rows)));
  c.feature = random() % 8 ? 1 + int64_t(random() % 60) : 0;
  c.d_values = random() % 4;
  return c;
}

// check(case, T(0)) of cases drawn at random; see `check_seeds`.
template <class Check>
void check_cases(int count, char **words, Check check) {
  check_seeds(count, words, "layers", [&](unsigned seed, auto zero) {
    const Case c = draw(seed);
    auto tell = [](const char *what, int64_t value) {
      doing += std::string(", ") + what + " " + std::to_string(value);
    };
    tell("cell", c.cell), tell("act", c.act), tell("rec", c.rec), tell("masks", c.masks);
    tell("directions", c.directions), tell("hidden", c.hidden), tell("batch", c.batch()), tell("steps", c.steps());
    tell("threads", c.threads), tell("plan", c.plan), tell("rows", c.rows), tell("feature", c.feature);
    check(c, zero);
  }, true);
}

}  // namespace

// The gradients of a layer's weights and values as sums in double, one product at a time.
#pragma once

#include <cmath>
#include <map>

#include "cases.h"

namespace {

// A sum of products in double, with what bounds the error of any order of summation, here and in double.
struct Sum {
  double value = 0, size = 0, terms = 3;
  void add(double a, double b) { value += a * b, size += std::fabs(a * b), terms += 1; }
  void add_product(double a, double b) { add(factor(a), factor(b)); }
};
typedef std::map<std::string, std::vector<Sum>> Sums;

// Adds what the walk of direction d left: `left` is the state before each step, one for all gates or one a gate.
template <class T>
void add_gradients(const Case &c, int64_t d, const std::vector<T> &inputs, const std::vector<T> &weights,
                   const T *gates, const T *d_gates, const T *d_saved, const T *left, Sums &sums) {
  const int64_t H = c.hidden, G = c.gates(), F = c.feature, width = G * H, masks = std::max(1, c.masks);
  auto make = [&](const std::string &name, int64_t n) -> std::vector<Sum> & {
    sums[name].resize(size_t(n));
    return sums[name];
  };
  const std::string of = std::to_string(d);
  auto &kernel = make("kernel " + of, F * width), &values = make("d_values", c.steps() * F);
  auto &recurrent = make("recurrent kernel " + of, H * width), &bias = make("bias " + of, width);
  auto &recurrent_bias = make("recurrent bias " + of, width);
  for (int64_t step = 0; step < c.steps(); ++step)
    for (int64_t gate = 0; gate < G; ++gate)
      for (int64_t unit = 0; unit < H; ++unit) {
        const int64_t column = gate * H + unit;
        const bool after = gate == 2 && c.cell == UNPAD_GRU_RESET_AFTER;
        const bool before = gate == G - 1 && c.twice();
        const double dx = d_gates[step * width + column], du = after ? d_saved[step * H + unit] : dx;
        bias[size_t(column)].add(dx, 1), recurrent_bias[size_t(column)].add(du, 1);
        for (int64_t f = 0; f < F; ++f) {
          const size_t x = size_t(step * F + f), w = size_t(f * width + column);
          kernel[w].add_product(dx, inputs[x]), values[x].add_product(dx, weights[w]);
        }
        for (int64_t k = 0; k < H; ++k) {
          const T state = left[(step * masks + (masks > 1 ? gate : 0)) * H + k];
          const T gated = before ? gates[step * width + (G - 2) * H + k] * state : state;
          recurrent[size_t(k * width + column)].add_product(du, gated);
        }
      }
}

}  // namespace

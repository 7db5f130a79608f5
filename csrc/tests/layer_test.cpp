// unpad_layer_forward and unpad_layer_backward on layers drawn at random.
//
// What unpad_products and unpad_forward make of the values a layer must make bit for bit, whether or not it is told
// which steps have the same, and so the initial states' gradients of unpad_backward; of the gates' gradients that it
// leaves, those of the weights and of the values are sums in double. Arrays are as long as promised: AddressSanitizer
// sees one element too many.
//
// Run: layer_test [seconds] [seed]. A failure prints the case and the seed that draws it again.
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <thread>

#include "cases.h"
#include "gradients.h"
#include "require.h"

namespace {

template <class T>
struct Weights {
  std::vector<T> kernel, recurrent_kernel, bias, recurrent_bias;
};
template <class T>
struct Inputs {
  std::vector<T> values, initial_h, initial_c, mask, d_h, d_final_h, d_final_c;
  Weights<T> weights[2];
};

// By their names; those of one direction end with its number.
template <class T>
struct Arrays : std::map<std::string, std::vector<T>> {
  T *make(const std::string &name, int64_t n, bool wanted = true) {
    if (!wanted) return nullptr;
    std::vector<T> &array = (*this)[name];
    array.assign(size_t(n), std::numeric_limits<T>::quiet_NaN());
    return array.data();
  }
};

template <class T>
Inputs<T> draw_inputs(const Case &c) {
  const int64_t H = c.hidden, D = c.directions, width = c.gates() * H, states = D * c.batch() * H;
  std::mt19937 random(c.seed);
  auto given = [&](bool wanted, int64_t n) { return normal<T>(random, wanted ? n : 0, 0.7); };
  Inputs<T> in;
  const std::vector<T> rows = normal<T>(random, c.rows * c.feature, 1);
  for (int64_t step = 0; step < c.steps(); ++step)
    for (int64_t f = 0; f < c.feature; ++f) in.values.push_back(rows[size_t(c.row(step) * c.feature + f)]);
  in.initial_h = given(c.initial, states);
  in.initial_c = given(c.initial && c.record().carries, states);
  in.mask = normal_mask<T>(random, states * c.masks);
  in.d_h = given(c.d_h, c.steps() * D * H);
  in.d_final_h = given(c.d_final, states);
  in.d_final_c = given(c.d_final && c.record().carries, states);
  for (int64_t d = 0; d < D; ++d) {
    Weights<T> &w = in.weights[d];
    w.kernel = normal<T>(random, c.feature * width, 1 / std::sqrt(double(c.feature + 1)));
    w.recurrent_kernel = normal<T>(random, H * width, 0.6 / std::sqrt(double(H)));
    w.bias = given(c.bias, width);
    w.recurrent_bias = given(c.bias && c.record().inner, width);
  }
  return in;
}

// The direction's part of what has `directions` of them, or null where there is nothing.
template <class T>
const T *part(const std::vector<T> &array, int64_t d, int64_t directions) {
  return array.empty() ? nullptr : array.data() + d * int64_t(array.size()) / directions;
}

template <class T>
Arrays<T> run_layer(const Case &c, const Inputs<T> &in) {
  const int64_t S = c.steps(), H = c.hidden, D = c.directions, width = c.gates() * H, states = D * c.batch() * H;
  const bool carries = c.record().carries, keeps = c.record().keeps;
  auto in_place = [](const std::vector<T> &v) { return v.empty() ? nullptr : const_cast<T *>(v.data()); };
  unpad_layer l = {};
  l.values = in.values.data(), l.ids = c.shared ? c.row_of.data() : nullptr;
  l.initial_h = part(in.initial_h, 0, D), l.initial_c = part(in.initial_c, 0, D), l.mask = part(in.mask, 0, D);
  l.feature = c.feature;
  for (int64_t d = 0; d < D; ++d) {
    const Weights<T> &w = in.weights[d];
    l.weights[d] = {in_place(w.kernel), in_place(w.recurrent_kernel), in_place(w.bias), in_place(w.recurrent_bias)};
    l.reverse[d] = c.reversed(d);
  }
  Arrays<T> inference, out;
  for (Arrays<T> *to : {&inference, &out}) {
    const bool keep = to == &out;
    l.problem = problem_of<T>(c, keep);
    l.h = to->make("h", S * D * H);
    l.final_h = to->make("final_h", states), l.final_c = to->make("final_c", states, carries);
    l.gates = to->make("gates", D * S * width, keep && keeps);
    l.saved = to->make("saved", D * S * H, keep && keeps);
    require(unpad_layer_forward(&l) == UNPAD_OK, "forward returns 0");
  }
  for (const auto &[name, array] : inference)
    require(same_bits(array, out[name]), ("inference equals training: " + name).c_str());
  unpad_layer_gradients g = {};
  g.d_h = part(in.d_h, 0, D), g.d_final_h = part(in.d_final_h, 0, D), g.d_final_c = part(in.d_final_c, 0, D);
  g.d_values = out.make("d_values", c.steps() * c.feature, c.d_values);
  g.d_initial_h = out.make("d_initial_h", states, c.initial);
  g.d_initial_c = out.make("d_initial_c", states, c.initial && carries);
  for (int64_t d = 0; d < D; ++d) {
    const std::string of = std::to_string(d);
    g.d_weights[d] = {out.make("kernel " + of, c.feature * width), out.make("recurrent kernel " + of, H * width),
                      out.make("bias " + of, width, c.bias),
                      out.make("recurrent bias " + of, width, c.bias && c.record().inner)};
  }
  require(unpad_layer_backward(&l, &g) == UNPAD_OK, "backward returns 0");
  return out;
}

// The same from the calls that a layer stands for.
template <class T>
Arrays<T> spell_out(const Case &c, const Inputs<T> &in, Sums &sums) {
  const int64_t S = c.steps(), B = c.batch(), H = c.hidden, D = c.directions, F = c.feature, width = c.gates() * H;
  const int64_t masks = std::max(1, c.masks), states = B * H;
  const bool carries = c.record().carries, keeps = c.record().keeps;
  Arrays<T> out, apart;
  T *h = out.make("h", S * D * H), *final_h = out.make("final_h", D * states);
  T *final_c = out.make("final_c", D * states, carries);
  T *gates = out.make("gates", D * S * width, keeps), *saved = out.make("saved", D * S * H, keeps);
  T *d_initial_h = out.make("d_initial_h", D * states, c.initial);
  T *d_initial_c = out.make("d_initial_c", D * states, c.initial && carries);
  T *projected = apart.make("projected", D * S * width), *d_gates = apart.make("d_gates", D * S * width);
  T *d_saved = apart.make("d_saved", D * S * H), *previous = apart.make("previous", D * S * masks * H);
  auto of = [](T *array, int64_t at) { return array ? array + at : nullptr; };
  unpad_product products[2];
  unpad_forward_direction forward[2];
  unpad_backward_direction backward[2];
  for (int64_t d = 0; d < D; ++d) {
    const Weights<T> &w = in.weights[d];
    T *x = projected + d * S * width, *g = of(gates, d * S * width), *s = of(saved, d * S * H);
    const T *recurrent = w.recurrent_kernel.data(), *mask = part(in.mask, d, D);
    const T *h0 = part(in.initial_h, d, D), *c0 = part(in.initial_c, d, D);
    products[d] = {in.values.data(), w.kernel.data(), part(w.bias, 0, 1), x, nullptr, S, width, F, F, width, width, 0,
                   0, 0};
    forward[d] = {recurrent, part(w.recurrent_bias, 0, 1), h0, c0, mask, x, nullptr, g, h + d * H, s,
                  final_h + d * states, of(final_c, d * states), width, width, D * H, H, c.reversed(d)};
    backward[d] = {recurrent, h0, c0, mask, g, h + d * H, s, in.d_h.empty() ? nullptr : in.d_h.data() + d * H,
                   part(in.d_final_h, d, D), part(in.d_final_c, d, D), d_gates + d * S * width, d_saved + d * S * H,
                   of(d_initial_h, d * states), of(d_initial_c, d * states), previous + d * S * masks * H,
                   width, D * H, H, D * H, width, H, c.reversed(d)};
  }
  const unpad_problem p = problem_of<T>(c, 1);
  require(unpad_products(dtype_of<T>(), 1, int32_t(D), products) == UNPAD_OK, "products return 0");
  require(unpad_forward(&p, forward, 0, nullptr) == UNPAD_OK, "the walk returns 0");
  require(unpad_backward(&p, backward, 0, nullptr) == UNPAD_OK, "the walk back returns 0");
  for (int64_t d = 0; d < D; ++d)
    add_gradients<T>(c, d, in.values, in.weights[d].kernel, of(gates, d * S * width), d_gates + d * S * width,
                     d_saved + d * S * H, previous + d * S * masks * H, sums);
  return out;
}

template <class T>
void check(const Case &c) {
  const Inputs<T> in = draw_inputs<T>(c);
  const Arrays<T> layer = run_layer(c, in);
  Sums sums;
  for (const auto &[name, array] : spell_out(c, in, sums))
    require(same_bits(layer.at(name), array), ("bits of the calls spelled out: " + name).c_str());
  for (const auto &[name, expected] : sums)
    for (size_t i = 0; layer.count(name) && i < expected.size(); ++i) {
      // Of steps with the same values it is the sum of their gates' gradients that is rounded.
      const bool of_sums = rounding && c.shared && name.rfind("kernel", 0) == 0;
      const double got = layer.at(name)[i], epsilon = of_sums ? 1. / 256 : double(std::numeric_limits<T>::epsilon());
      const double limit = expected[i].terms * expected[i].size * epsilon;
      require(std::fabs(got - expected[i].value) <= limit,
              ("the sums in double: " + name).c_str(), got, expected[i].value);
    }
  Case other = c;
  other.threads = c.threads % 4 + 1, other.plan = c.plan % 2 + 1;
  for (const auto &[name, array] : run_layer(other, in))
    require(same_bits(layer.at(name), array), ("bits with other threads: " + name).c_str());
}

void check_refusals() {
  doing = "refusals";
  float x[16] = {}, y[16] = {7};
  const int64_t offsets[2] = {0, 2};
  unpad_layer l = {};
  l.problem = {UNPAD_LSTM, UNPAD_FLOAT32, UNPAD_TANH, UNPAD_SIGMOID, 1, 1, 1, 0, 0, 2, 1, 1, offsets};
  l.values = x, l.weights[0] = {x, x, x, nullptr}, l.feature = 1;
  l.h = l.final_h = l.final_c = l.gates = l.saved = y;
  unpad_layer_gradients g = {};
  g.d_values = y, g.d_weights[0] = {y, y, y, nullptr};
  auto forward = [&](auto change) {
    unpad_layer k = l;
    change(k);
    return unpad_layer_forward(&k);
  };
  auto backward = [&](auto change) {
    unpad_layer k = l;
    unpad_layer_gradients e = g;
    change(k, e);
    return unpad_layer_backward(&k, &e);
  };
  require(unpad_layer_forward(nullptr) == UNPAD_NULL_POINTER, "null layer");
  require(forward([](auto &k) { k.problem.cell = 5; }) == UNPAD_BAD_ENUM, "cell 5");
  require(forward([](auto &k) { k.feature = -1; }) == UNPAD_BAD_SIZE, "feature -1");
  require(forward([](auto &k) { k.values = nullptr; }) == UNPAD_NULL_POINTER, "null values");
  require(forward([](auto &k) { k.problem.masks = 1; }) == UNPAD_NULL_POINTER, "null mask");
  for (void *unpad_layer::*out : {&unpad_layer::h, &unpad_layer::final_h, &unpad_layer::final_c, &unpad_layer::gates,
                                  &unpad_layer::saved})
    require(forward([=](auto &k) { k.*out = nullptr; }) == UNPAD_NULL_POINTER, "nowhere to put what a layer makes");
  require(unpad_layer_backward(nullptr, &g) == UNPAD_NULL_POINTER, "null layer, backward");
  require(unpad_layer_backward(&l, nullptr) == UNPAD_NULL_POINTER, "null gradients");
  require(backward([](auto &k, auto &) { k.feature = -1; }) == UNPAD_BAD_SIZE, "feature -1, backward");
  require(backward([](auto &k, auto &) { k.values = nullptr; }) == UNPAD_NULL_POINTER, "null values, backward");
  for (void *unpad_layer::*made : {&unpad_layer::h, &unpad_layer::gates, &unpad_layer::saved})
    require(backward([=](auto &k, auto &) { k.*made = nullptr; }) == UNPAD_NULL_POINTER, "null from forward");
  for (void *unpad_weights::*out : {&unpad_weights::kernel, &unpad_weights::recurrent_kernel}) {
    require(forward([=](auto &k) { k.weights[0].*out = nullptr; }) == UNPAD_NULL_POINTER, "null weights");
    require(backward([=](auto &, auto &e) { e.d_weights[0].*out = nullptr; }) == UNPAD_NULL_POINTER, "null d_weights");
  }
  for (int i = 0; i < 16; ++i) require(y[i] == (i ? 0.f : 7.f), "nothing is written on refusal", y[i]);
}

// Callers on several threads: only one of them has the work space that is kept.
void check_callers() {
  doing = "callers at the same time";
  Case c = draw(1);
  c.threads = 2, c.plan = 1;
  std::vector<std::thread> callers;
  for (int k = 0; k < 4; ++k)
    callers.emplace_back([&] {
      for (int i = 0; i < 20; ++i) check<float>(c);
    });
  for (std::thread &t : callers) t.join();
}

}  // namespace

int main(int count, char **words) {
  check_refusals();
  check_callers();
  check_cases(count, words, [](const Case &c, auto zero) { check<decltype(zero)>(c); });
  return 0;
}

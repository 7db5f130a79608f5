// The specification in double: one sequence, one step, one unit at a time.
#pragma once

#include <cmath>
#include <vector>

#include "seeds.h"

namespace naive {

typedef std::vector<double> Row;

inline double value(int kind, double x) {
  switch (kind) {
    case UNPAD_TANH: return std::tanh(x);
    case UNPAD_SIGMOID: return 1 / (1 + std::exp(-x));
    case UNPAD_RELU: return x > 0 ? x : 0;
    case UNPAD_HARD_SIGMOID: return std::fmin(std::fmax(x / 6 + 0.5, 0), 1);
    default: return x;
  }
}

inline double slope(int kind, double x) {
  switch (kind) {
    case UNPAD_TANH: return 1 - std::tanh(x) * std::tanh(x);
    case UNPAD_SIGMOID: return value(kind, x) * (1 - value(kind, x));
    case UNPAD_RELU: return x > 0;
    case UNPAD_HARD_SIGMOID: return x > -3 && x < 3 ? 1.0 / 6 : 0;
    default: return 1;
  }
}

// One sequence in one direction. kernel (hidden, G * hidden), bias (3 * hidden), mask (G, hidden).
struct Sequence {
  int cell, act, rec, gates, hidden;
  const double *kernel, *bias, *mask;
  std::vector<Row> x;   // projected inputs, in the order of the walk
  Row h0, c0;
  std::vector<Row> z, h, c, inner, reset;  // gates before activation, states, n of the GRU, r * h' of the GRU

  // Whether the last gate's product is of what the one before it has reset.
  bool twice() const { return cell == UNPAD_GRU_RESET_BEFORE || cell == UNPAD_MGU; }

  double product(const Row &state, int gate, int unit) const {
    double sum = 0;
    for (int k = 0; k < hidden; ++k)
      sum += factor(state[size_t(k)] * mask[gate * hidden + k]) *
             factor(kernel[k * gates * hidden + gate * hidden + unit]);
    return sum;
  }

  void forward() {
    Row hp = h0, cp = c0;
    for (const Row &in : x) {
      Row pre(size_t(gates * hidden)), hn(static_cast<size_t>(hidden)), cn = hn, n = hn, rh = hn;
      for (int u = 0; u < hidden; ++u)
        for (int g = 0; g < gates; ++g)
          if (!(twice() && g == gates - 1))
            pre[size_t(g * hidden + u)] = in[size_t(g * hidden + u)] + product(hp, g, u) +
                                          (cell == UNPAD_GRU_RESET_AFTER && g < 2 ? bias[g * hidden + u] : 0);
      auto p = [&](int g, int u) -> double & { return pre[size_t(g * hidden + u)]; };
      for (int u = 0; u < hidden; ++u)
        rh[size_t(u)] = gates == 3 || twice() ? value(rec, p(gates - 2, u)) * hp[size_t(u)] : 0;
      for (int u = 0; u < hidden; ++u) {
        const size_t s = size_t(u);
        if (cell == UNPAD_LSTM) {
          cn[s] = value(rec, p(1, u)) * cp[s] + value(rec, p(0, u)) * value(act, p(2, u));
          hn[s] = value(rec, p(3, u)) * value(act, cn[s]);
        } else if (cell == UNPAD_SIMPLE_RNN) {
          hn[s] = value(act, p(0, u));
        } else {
          if (cell == UNPAD_GRU_RESET_AFTER) {
            n[s] = product(hp, 2, u) + bias[2 * hidden + u];
            p(2, u) = in[size_t(2 * hidden + u)] + value(rec, p(1, u)) * n[s];
          } else {
            p(gates - 1, u) = in[size_t((gates - 1) * hidden + u)] + product(rh, gates - 1, u);
          }
          double keep = cell == UNPAD_MGU ? 1 - value(rec, p(0, u)) : value(rec, p(0, u));
          hn[s] = keep * hp[s] + (1 - keep) * value(act, p(gates - 1, u));
        }
      }
      z.push_back(pre), h.push_back(hn), c.push_back(cn), inner.push_back(n), reset.push_back(rh);
      hp = hn, cp = cn;
    }
  }

  // d_h (steps), d_hn, d_cn -> d_x (steps), d_inner (steps), and d_hn, d_cn become those of the initial state.
  void backward(const std::vector<Row> &d_h, Row &dh, Row &dc, std::vector<Row> &d_x, std::vector<Row> &d_inner) {
    d_x.assign(x.size(), Row(size_t(gates * hidden)));
    d_inner.assign(x.size(), Row(size_t(hidden)));
    for (size_t t = x.size(); t-- > 0;) {
      const Row &hp = t ? h[t - 1] : h0, &cp = t ? c[t - 1] : c0;
      Row back(static_cast<size_t>(hidden)), &out = d_x[t], d_rh = back;
      auto p = [&](int g, int u) { return z[t][size_t(g * hidden + u)]; };
      auto d = [&](int g, int u) -> double & { return out[size_t(g * hidden + u)]; };
      // What a gate's gradient gives to its left operand.
      auto pull = [&](int g, const double *from, Row &to) {
        for (int k = 0; k < hidden; ++k)
          for (int u = 0; u < hidden; ++u)
            to[size_t(k)] += factor(from[u]) * factor(kernel[k * gates * hidden + g * hidden + u]) * mask[g * hidden + k];
      };
      for (int u = 0; u < hidden; ++u) {
        const size_t s = size_t(u);
        dh[s] += d_h[t][s];
        if (cell == UNPAD_LSTM) {
          double i = value(rec, p(0, u)), f = value(rec, p(1, u)), g = value(act, p(2, u)), o = value(rec, p(3, u));
          dc[s] += dh[s] * o * slope(act, c[t][s]);
          d(0, u) = dc[s] * g * slope(rec, p(0, u));
          d(1, u) = dc[s] * cp[s] * slope(rec, p(1, u));
          d(2, u) = dc[s] * i * slope(act, p(2, u));
          d(3, u) = dh[s] * value(act, c[t][s]) * slope(rec, p(3, u));
          dc[s] *= f;
        } else if (cell == UNPAD_SIMPLE_RNN) {
          d(0, u) = dh[s] * slope(act, p(0, u));
        } else {
          const double sign = cell == UNPAD_MGU ? -1 : 1, gate = value(rec, p(0, u));
          double keep = cell == UNPAD_MGU ? 1 - gate : gate, hh = value(act, p(gates - 1, u));
          d(0, u) = sign * dh[s] * (hp[s] - hh) * slope(rec, p(0, u));
          d(gates - 1, u) = dh[s] * (1 - keep) * slope(act, p(gates - 1, u));
          back[s] += dh[s] * keep;
          if (cell == UNPAD_GRU_RESET_AFTER) {
            d(1, u) = d(2, u) * inner[t][s] * slope(rec, p(1, u));
            d_inner[t][s] = d(2, u) * value(rec, p(1, u));
          }
        }
      }
      if (twice()) {
        const int last = gates - 1, resets = gates - 2;
        pull(last, &out[size_t(last * hidden)], d_rh);
        for (int u = 0; u < hidden; ++u) {
          d(resets, u) += d_rh[size_t(u)] * hp[size_t(u)] * slope(rec, p(resets, u));
          back[size_t(u)] += d_rh[size_t(u)] * value(rec, p(resets, u));
        }
      }
      for (int g = 0; g < gates; ++g)
        if (cell == UNPAD_GRU_RESET_AFTER && g == 2)
          pull(g, d_inner[t].data(), back);
        else if (!(twice() && g == gates - 1))
          pull(g, &out[size_t(g * hidden)], back);
      dh = back;
    }
  }
};

}  // namespace naive

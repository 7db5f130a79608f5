// Tests on numbers drawn at random: the same seed draws the same.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "require.h"

namespace {

// Whether what is checked is UNPAD_ROUNDED.
bool rounding = false;

template <class T>
int32_t dtype_of() {
  return rounding ? int32_t(UNPAD_ROUNDED) : kDtype<T>;
}

// A number as a product takes it: with 8 bits, ties to even.
inline double factor(double x) {
  if (!rounding || std::isnan(x)) return x;
  const float all = float(x);
  uint32_t bits;
  std::memcpy(&bits, &all, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  float near;
  std::memcpy(&near, &bits, sizeof near);
  return double(near);
}

// Whether two arrays have the same bits.
template <class T>
bool same(const T *a, const T *b, size_t count) {
  return !count || !std::memcmp(a, b, count * sizeof(T));
}

// check(seed, T(0)) on every instruction set in both dtypes, and rounded where asked: of the seed given as the second
// word, or of random ones for as many seconds as the first says.
template <class Check>
void check_seeds(int count, char **words, const char *of, Check check, bool rounded = false) {
  const double seconds = count > 1 ? std::atof(words[1]) : 10;
  unsigned seed = count > 2 ? unsigned(std::strtoul(words[2], nullptr, 10)) : std::random_device{}();
  const auto start = std::chrono::steady_clock::now();
  auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  int cases = 0;
  for (; !cases || (spent() < seconds && count < 3); ++seed, ++cases)
    for (const char *isa : {"avx512_bf16", "avx512", "avx2", "portable"}) {
      if (unpad_kernels_force_isa(isa)) continue;
      const std::string name = "seed " + std::to_string(seed) + ", " + isa;
      // The others have what portable has for rounded factors, and that of AVX512_BF16 nothing else.
      if (rounded && (unpad_kernels_rounds() || isa == std::string("portable"))) {
        doing = name + ", rounded";
        rounding = true;
        check(seed, 0.0f);
        rounding = false;
      }
      if (isa == std::string("avx512_bf16")) continue;
      doing = name;
      check(seed, 0.0f);
      doing = name + ", float64";
      check(seed, 0.0);
    }
  std::printf("%d cases of %s, each in two dtypes on every instruction set\n", cases, of);
}

}  // namespace

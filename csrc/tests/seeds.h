// Tests on numbers drawn at random: the same seed draws the same.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "require.h"

namespace {

// check(seed, T(0)) on every instruction set in both dtypes: of the seed given as the second word, or of random ones for
// as many seconds as the first says.
template <class Check>
void check_seeds(int count, char **words, const char *of, Check check) {
  const double seconds = count > 1 ? std::atof(words[1]) : 10;
  unsigned seed = count > 2 ? unsigned(std::strtoul(words[2], nullptr, 10)) : std::random_device{}();
  const auto start = std::chrono::steady_clock::now();
  auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  int cases = 0;
  for (; !cases || (spent() < seconds && count < 3); ++seed, ++cases)
    for (const char *isa : {"avx512", "avx2", "portable"}) {
      if (unpad_kernels_force_isa(isa)) continue;
      const std::string name = "seed " + std::to_string(seed) + ", " + isa;
      doing = name;
      check(seed, 0.0f);
      doing = name + ", float64";
      check(seed, 0.0);
    }
  std::printf("%d cases of %s, each in two dtypes on every instruction set\n", cases, of);
}

}  // namespace

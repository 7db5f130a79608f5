// What the tests say when something is not so.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "unpad_kernels.h"

namespace {

std::string doing;

void require(bool ok, const char *what, double got = 0, double expected = 0) {
  if (ok) return;
  std::printf("FAILED %s: %s (%.9g, expected %.9g)\n", doing.c_str(), what, got, expected);
  std::exit(1);
}

template <class T>
constexpr int32_t kDtype = sizeof(T) == 4 ? UNPAD_FLOAT32 : UNPAD_FLOAT64;

}  // namespace

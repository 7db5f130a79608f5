// The table of one instruction set's kernels; included last by each of isa/*.cpp.
#pragma once

#include "attention/attention.h"
#include "chain/chain.h"
#include "ctc/ctc.h"
#include "gemm/block_product.h"
#include "recurrent/passes.h"
#include "slots/slots.h"
#include "update/adam.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Kernels table() {
  typedef float F;
  typedef double D;
  return {passes<Forward>(Cells{}),
          passes<Backward>(Cells{}),
          {multiply<F, F>(), multiply<D, D>()},
          {adam_update<F>, adam_update<D>},
          {slots_forward<F>, slots_forward<D>},
          {slots_backward<F>, slots_backward<D>},
          {chains<F>(), chains<D>()},
          {labellings<F>(), labellings<D>()},
          {attention<F>(), attention<D>()}};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

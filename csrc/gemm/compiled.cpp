#include "isa/parts.h"

#include "gemm/block_product.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Multiply kMultiply[2] = {multiply<float, float>(), multiply<double, double>()};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

#include "isa/parts.h"

#include "pointwise/pointwise.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr PointwiseWays kPointwise[2] = {{pointwise_forward<float>, pointwise_backward<float>},
                                         {pointwise_forward<double>, pointwise_backward<double>}};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

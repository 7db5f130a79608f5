#include "isa/parts.h"

#include "pooling/pooling.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Pooling kPooling[2] = {{pooling_forward<float>, pooling_backward<float>},
                                 {pooling_forward<double>, pooling_backward<double>}};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

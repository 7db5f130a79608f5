#include "isa/parts.h"

#include "ctc/ctc.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Labellings kLabellings[2] = {labellings<float>(), labellings<double>()};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

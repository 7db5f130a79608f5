#include "isa/parts.h"

#include "recurrent/passes.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Rounded kRounded = rounded_kernels(Cells{});

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

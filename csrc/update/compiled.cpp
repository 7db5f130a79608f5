#include "isa/parts.h"

#include "update/adam.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Adam kAdam[2] = {adam_update<float>, adam_update<double>};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

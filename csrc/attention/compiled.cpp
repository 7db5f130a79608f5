#include "isa/parts.h"

#include "attention/attention.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Attend kAttend[2] = {attention<float>(), attention<double>()};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

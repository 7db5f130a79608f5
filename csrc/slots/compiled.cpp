#include "isa/parts.h"

#include "slots/slots.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Slots kSlotsForward[2] = {slots_forward<float>, slots_forward<double>};
constexpr Slots kSlotsBackward[2] = {slots_backward<float>, slots_backward<double>};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

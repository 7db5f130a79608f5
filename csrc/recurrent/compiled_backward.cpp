#include "isa/parts.h"

#include "recurrent/passes.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Passes kBackward = passes<Backward>(Cells{});

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

// The table of one instruction set's kernels.
#include "isa/parts.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

extern const Kernels kKernels;
const Kernels kKernels = {&kForward, &kBackward,  kMultiply, kAdam,      kSlotsForward, kSlotsBackward,
                          kChains,   kLabellings, kAttend,   kNormalise, kPointwise, kPooling, kTapes};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

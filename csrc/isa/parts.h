// What each room compiles for one instruction set (UNPAD_SET is one of isa/sets/), by name: its compiled*.cpp defines
// it, isa/table.cpp gathers it. An array has one entry a dtype.
#pragma once

#include UNPAD_SET

#include "isa/kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

extern const Passes kForward, kBackward;
extern const Multiply kMultiply[2];
extern const Adam kAdam[2];
extern const Slots kSlotsForward[2], kSlotsBackward[2];
extern const Chains kChains[2];
extern const Labellings kLabellings[2];
extern const Attend kAttend[2];
extern const Normalise kNormalise[2];
extern const PointwiseWays kPointwise[2];
extern const Pooling kPooling[2];
extern const Tapes kTapes[2];
extern const Rounded kRounded;

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

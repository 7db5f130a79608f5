#include "isa/parts.h"

#include "normal/normal.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Normalise kNormalise[2] = {normalise<float>(), normalise<double>()};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

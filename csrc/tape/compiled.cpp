#include "isa/parts.h"

#include "tape/tape.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Tapes kTapes[2] = {of_tapes<float>(), of_tapes<double>()};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

#include "isa/parts.h"

#include "chain/chain.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr Chains kChains[2] = {chains<float>(), chains<double>()};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad

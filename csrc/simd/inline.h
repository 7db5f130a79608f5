// What a walk's time goes by: the compiler is not asked whether to inline it.
#pragma once

#define UNPAD_INLINE inline __attribute__((always_inline))

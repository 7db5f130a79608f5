// Whatever the compiler's target is: SSE2 on any x86-64, NEON on aarch64 (32 registers there).
#define UNPAD_NAMESPACE portable
#define UNPAD_BYTES 16
#define UNPAD_HALVES 0
#if defined(__aarch64__)
#define UNPAD_TILE_ROWS 6
#else
#define UNPAD_TILE_ROWS 2
#endif

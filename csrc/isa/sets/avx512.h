// AVX-512 (F, VL, BW, DQ): 32 registers of 16 floats.
#define UNPAD_NAMESPACE avx512
#define UNPAD_BYTES 64
#define UNPAD_TILE_ROWS 6
#define UNPAD_HALVES 1

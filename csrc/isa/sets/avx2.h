// AVX2 with FMA: 16 registers of 8 floats, so tiles of 3 rows and 4 vectors.
#define UNPAD_NAMESPACE avx2
#define UNPAD_BYTES 32
#define UNPAD_TILE_ROWS 3
#define UNPAD_HALVES 1

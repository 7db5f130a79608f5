// AVX-512 with the instruction for products of bfloat16: what is rounded to it, and nothing else.
#define UNPAD_NAMESPACE avx512_bf16
#define UNPAD_BYTES 64
#define UNPAD_TILE_ROWS 6
#define UNPAD_HALVES 1

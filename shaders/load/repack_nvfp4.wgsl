// NVFP4: a block of 64 is 4 bytes of scales, then 8 bytes for each 16 weights: byte i holds weight
// i (low) and weight 8 + i (high).   Needs raw_…, put_….
// #include "load/nibbles.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 1u) * 36u;
    let part = from_block & 1u;
    put_nibbles(at + 4u + part * 16u, to * 4u, 1u);
    put_half(params.sc, to, raw_half(at + part * 2u));
}

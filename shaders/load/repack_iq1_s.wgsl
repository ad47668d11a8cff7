// IQ1_S: a block of 256 is d: half, 32 bytes of numbers, then a half for each 32 weights: four
// times three upper bits, a scale of three, and delta's sign.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 50u;
    let part = from_block & 7u;
    let x = raw_half(at + 34u + part * 2u);
    let upper = (vec4<u32>(x) >> vec4<u32>(0u, 3u, 6u, 9u)) & vec4<u32>(7u);
    let high = upper | vec4<u32>(((x >> 12u) & 8u) | ((x >> 8u) & 0x70u));
    let bytes = high.x | (high.y << 8u) | (high.z << 16u) | (high.w << 24u);
    put_octets(to, raw_word(at + 2u + part * 4u), bytes);
    if (part == 0u) { put_float(params.sc + (to >> 3u), raw_half(at)); }
}

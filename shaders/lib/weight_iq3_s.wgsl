// IQ3_S: value = d * sc * sign * grid[i]; per 256 weights, the upper bits of i in two words, then 8
// nibbles sc, one per 32, and f32 d.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
// #include "lib/grid.wgsl"
const WEIGHT_BITS: u32 = 16u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 8u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;
const GRID: u32 = 512u;            // words of the codebook

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let at = params.sc + (b >> 3u) * 4u;
    let d = bitcast<f32>(plane_word(at + 3u));
    return vec2<f32>(d * grid_scale(at + 2u, b & 7u), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let x = octet_half(o, q[0]);
    let upper = grid_bits(params.sc + (o >> 5u) * 4u, o);
    let first = (x & 0xFFu) | ((upper & 1u) << 8u);
    return signed_floats(grid_fours(first, (x >> 8u) | ((upper & 2u) << 7u)), octet_byte(o, high));
}

// IQ2_XS: value = d/8 * sc * sign * grid[i]; per 256 weights, 16 nibbles sc, one per 16, and f32 d.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
// #include "lib/grid.wgsl"
const WEIGHT_BITS: u32 = 16u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;
const GRID: u32 = 1024u;           // words of the codebook

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let at = params.sc + (b >> 3u) * 3u;
    let d = bitcast<f32>(plane_word(at + 2u)) * 0.125;
    return vec2<f32>(d * grid_scale(at, (b & 7u) * 2u + (i >> 1u)), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let x = octet_half(o, q[0]);
    return signed_floats(grid_octet(x & 0x1FFu), even_signs(x >> 9u));
}

// Q3_K: value = d*sc * (q - 4); per 256 weights, 16 signed bytes sc, one per 16, and f32 d.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
// #include "lib/pairs.wgsl"
const WEIGHT_BITS: u32 = 16u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 8u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> { return plane_signed_scale(b, i, params.sc); }

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let thirds = ((high >> (o & 3u)) & 0x11111111u) << 2u;
    return plane_floats(plane_nibbles(pair_nibbles(o, q[0]) | thirds), 4.0);
}

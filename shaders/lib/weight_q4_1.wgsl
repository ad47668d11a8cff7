// Q4_1: value = d * q + m, a pair of halves (d, m) per 32.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = true;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let pair = plane_word(params.sc + (b));
    return vec2<f32>(half(pair & 0xFFFFu), half(pair >> 16u));
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return plane_floats(plane_nibbles(q[0]), 0.0);
}

// Q3_K: value = d*sc * (q - 4); per 256 weights, 16 signed bytes sc, one per 16, and f32 d.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/pairs.wgsl"
const WEIGHT_BITS: u32 = 16u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 8u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(o: u32) -> vec2<f32> { return plane_signed_scale(o, params.sc); }

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let low = pairs(o, q[0]);
    let third = vec2<u32>(high & 15u, (high >> 4u) & 15u) * 0x00810204u;   // bit i to byte i
    let first = low[0] | unpack4xU8(third.x & 0x04040404u);
    let last = low[1] | unpack4xU8(third.y & 0x04040404u);
    return plane_floats(array<vec4<u32>, 2>(first, last), 4.0);
}

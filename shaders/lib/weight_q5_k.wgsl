// Q5_K: value = d*sc * q - dmin*mn; (sc, mn) per 32, (d, dmin) per 256.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 8u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = true;

fn weight_scale(b: u32, i: u32) -> vec2<f32> { return plane_k_scale(b, params.sc); }

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return plane_floats(plane_fives(q[0], octet_byte(o, high)), 0.0);
}

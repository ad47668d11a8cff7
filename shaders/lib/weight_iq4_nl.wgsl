// IQ4_NL: value = d * nl(q), d a half per 32.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/nl.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    return vec2<f32>(half(plane_half(params.sc, b)), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return table_floats(q[0]);
}

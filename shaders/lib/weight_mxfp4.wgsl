// MXFP4: value = 2^(e - 128) * fp4(q), e a byte per 32.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/fp4.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let e = (plane_word(params.sc + (b >> 2u)) >> ((b & 3u) * 8u)) & 0xFFu;
    return vec2<f32>(bitcast<f32>(select((e - 1u) << 23u, 0x00200000u << e, e < 2u)), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return table_floats(q[0]);
}

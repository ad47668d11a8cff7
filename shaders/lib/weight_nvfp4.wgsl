// NVFP4: value = u / 2 * fp4(q), u an unsigned float of 8 bits (E4M3) per 16; its NaN means 0.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/fp4.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let word = plane_word(params.sc + (b >> 1u)) >> ((b & 1u) * 16u);
    let byte = (word >> ((i >> 1u) * 8u)) & 0xFFu;
    let e = (byte >> 3u) & 15u;
    let m = (byte & 7u) | select(0u, 8u, e > 0u);
    let u = f32(m) * bitcast<f32>((max(e, 1u) + 116u) << 23u);     // m * 2^(e - 11)
    return vec2<f32>(select(u, 0.0, byte == 127u), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return table_floats(q[0]);
}

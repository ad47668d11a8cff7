// Q2_K: value = d*sc * q - dmin*mn; (sc, mn) a byte per 16, (d, dmin) halves per 256.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
// #include "lib/pairs.wgsl"
const WEIGHT_BITS: u32 = 16u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale
const WEIGHT_OFFSET: bool = true;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let at = params.sc + (b >> 3u) * 5u;
    let word = plane_word(at + ((b >> 1u) & 3u)) >> ((b & 1u) * 16u);
    let pair = word >> ((i >> 1u) * 8u);
    let d = plane_word(at + 4u);
    return vec2<f32>(
        half(d & 0xFFFFu) * f32(pair & 15u),
        -half(d >> 16u) * f32((pair >> 4u) & 15u),
    );
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return plane_floats(pairs(o, q[0]), 0.0);
}

// IQ4_XS: value = d*sc * nl(q); per 256 weights, 8 signed bytes sc, one per 32, and f32 d.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/nl.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    let at = params.sc + (b >> 3u) * 3u;
    let four = bitcast<i32>(plane_word(at + ((b >> 2u) & 1u)));
    let scale = extractBits(four, (b & 3u) * 8u, 8u);
    return vec2<f32>(bitcast<f32>(plane_word(at + 2u)) * f32(scale), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return table_floats(q[0]);
}

// Q6_K: value = d*sc * (q - 32); per 256 weights, 16 signed bytes sc, one per 16, and f32 d.
// The high two bits of octet o are half o of plane hi.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
const WEIGHT_OFFSET: bool = false;
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> {
    let at = params.sc + (o >> 5u) * 5u;
    let i = (o >> 1u) & 15u;
    let scale = extractBits(bitcast<i32>(plane_word(at + (i >> 2u))), (i & 3u) * 8u, 8u);
    return vec2<f32>(bitcast<f32>(plane_word(at + 4u)) * f32(scale), 0.0);
}

fn weight_octet(o: u32) -> array<vec4<f32>, 2> {
    let q = plane_nibbles(o);
    let h = vec4<u32>(plane_half(params.hi, o));
    let first = ((h >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(3u)) << vec4<u32>(4u);
    let last = ((h >> vec4<u32>(8u, 10u, 12u, 14u)) & vec4<u32>(3u)) << vec4<u32>(4u);
    return plane_floats(array<vec4<u32>, 2>(q[0] | first, q[1] | last), 32.0);
}

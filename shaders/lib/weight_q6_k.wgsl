// Q6_K: value = d*sc * (q - 32); per 256 weights, 16 signed bytes sc, one per 16, and f32 d.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
const WEIGHT_BITS: u32 = 32u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 16u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 2u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> { return plane_signed_scale(b, i, params.sc); }

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let low = plane_nibbles(q[0]);
    let h = vec4<u32>(high);
    let first = ((h << vec4<u32>(4u, 2u, 0u, 0u)) >> vec4<u32>(0u, 0u, 0u, 2u)) & vec4<u32>(48u);
    let last = (h >> vec4<u32>(4u, 6u, 8u, 10u)) & vec4<u32>(48u);
    return plane_floats(array<vec4<u32>, 2>(low[0] | first, low[1] | last), 32.0);
}

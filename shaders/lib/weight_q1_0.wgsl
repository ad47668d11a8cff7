// Q1_0: value = d or -d, d a half per 128, a bit per weight.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
const WEIGHT_BITS: u32 = 8u;       // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    return vec2<f32>(half(plane_half(params.sc, b >> 2u)), 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let byte = q[0] >> ((o & 3u) * 8u);
    let twice = vec2<u32>(byte & 15u, (byte >> 4u) & 15u) * 0x00408102u;   // bit i to byte i
    let first = unpack4xU8(twice.x & 0x02020202u);
    let last = unpack4xU8(twice.y & 0x02020202u);
    return plane_floats(array<vec4<u32>, 2>(first, last), 1.0);
}

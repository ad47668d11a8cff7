// BF16: the upper halves of f32 weights, two to a word.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
const WEIGHT_BITS: u32 = 128u;     // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let words = vec4<u32>(q[0], q[1], q[2], q[3]);
    let even = bitcast<vec4<f32>>(words << vec4<u32>(16u));
    let odd = bitcast<vec4<f32>>(words & vec4<u32>(0xFFFF0000u));
    return array<vec4<f32>, 2>(
        vec4<f32>(even.x, odd.x, even.y, odd.y),
        vec4<f32>(even.z, odd.z, even.w, odd.w),
    );
}

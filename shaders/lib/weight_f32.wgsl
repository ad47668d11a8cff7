// F32: the weights themselves.   Needs w, and Params with hi and sc (as every weight type does).
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
const WEIGHT_BITS: u32 = 256u;     // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;

fn weight_scale(b: u32, i: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(
        bitcast<vec4<f32>>(vec4<u32>(q[0], q[1], q[2], q[3])),
        bitcast<vec4<f32>>(vec4<u32>(q[4], q[5], q[6], q[7])),
    );
}

// Q4_0: value = d * (q - 8), d a half per 32.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
const WEIGHT_OFFSET: bool = false;
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> {
    return vec2<f32>(half(plane_half(params.sc, o >> 2u)), 0.0);
}

fn weight_octet(o: u32) -> array<vec4<f32>, 2> { return plane_floats(plane_nibbles(o), 8.0); }

// Q5_1: value = d * q + m, a pair of halves (d, m) per 32.   Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
const WEIGHT_OFFSET: bool = true;
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> {
    let pair = plane_word(params.sc + (o >> 2u));
    return vec2<f32>(half(pair & 0xFFFFu), half(pair >> 16u));
}

fn weight_octet(o: u32) -> array<vec4<f32>, 2> {
    return plane_floats(plane_fives(o, params.hi), 0.0);
}

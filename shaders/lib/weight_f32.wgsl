// F32: the weights themselves.   Needs w, and Params with hi and sc (as every weight type does).
const WEIGHT_OFFSET: bool = false;
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

fn weight_octet(o: u32) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(bitcast<vec4<f32>>(w[o * 2u]), bitcast<vec4<f32>>(w[o * 2u + 1u]));
}

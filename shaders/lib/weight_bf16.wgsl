// BF16: the upper halves of f32 weights, two to a word.   Needs w, and Params with hi and sc.
const WEIGHT_OFFSET: bool = false;
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

fn weight_octet(o: u32) -> array<vec4<f32>, 2> {
    let even = bitcast<vec4<f32>>(w[o] << vec4<u32>(16u));
    let odd = bitcast<vec4<f32>>(w[o] & vec4<u32>(0xFFFF0000u));
    return array<vec4<f32>, 2>(
        vec4<f32>(even.x, odd.x, even.y, odd.y),
        vec4<f32>(even.z, odd.z, even.w, odd.w),
    );
}

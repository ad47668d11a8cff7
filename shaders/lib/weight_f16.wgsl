// F16: the weights themselves, two to a word.   Needs w, and Params with hi and sc.
const WEIGHT_OFFSET: bool = false;
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale

fn weight_scale(o: u32) -> vec2<f32> { return vec2<f32>(1.0, 0.0); }

fn weight_octet(o: u32) -> array<vec4<f32>, 2> {
    let q = w[o];
    return array<vec4<f32>, 2>(
        vec4<f32>(unpack2x16float(q.x), unpack2x16float(q.y)),
        vec4<f32>(unpack2x16float(q.z), unpack2x16float(q.w)),
    );
}

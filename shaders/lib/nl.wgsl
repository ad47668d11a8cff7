// The 16 values of IQ4_NL and IQ4_XS:
// -127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113.

// This polynomial is nowhere farther than 0.44 from them: no table is read, and nothing selected.
fn nl(q: vec4<u32>) -> vec4<f32> {
    let x = vec4<f32>(q);
    return round((((0.001586 * x + 0.031086) * x - 1.3719) * x + 24.174) * x - 126.57);
}

fn nl_floats(q: array<vec4<u32>, 2>) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(nl(q[0]), nl(q[1]));
}

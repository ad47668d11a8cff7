// inputs[t, l, :] = (norm(inputs[t, l, :]) + scale * row tokens[t], its part for layer l) / sqrt(2)
//
//   w  rows first_row … first_row + rows - 1 of L parts of P columns, any type
//   inputs  (T, L, P) f32, in place: written only if t < state.n and w holds the row of its token
//   weight (P,) f32: of the norm      tokens (T,) u32
//   dispatch (L, T, 1): a part of a row

override WG: u32 = 32;         // threads, a power of two
override L: u32 = 1;
override P: u32 = 32;

// #include "lib/state.wgsl"
// #include "lib/weight.wgsl"
// #include "lib/reduce.wgsl"

struct Params {
    first_row: u32,
    rows: u32,
    hi: u32,
    sc: u32,
    scale: f32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> inputs: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> state: State;
@group(0) @binding(5) var<uniform> params: Params;

const OCTETS: u32 = P / 8u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    weight_begin(lane);
    if (group.y >= state.n) { return; }
    let row = tokens[group.y] - params.first_row;
    if (row >= params.rows) { return; }
    let at = (group.y * L + group.x) * OCTETS;
    var sum = 0.0;
    for (var i = lane; i < OCTETS * 2u; i += WG) {
        let v = inputs[at * 2u + i];
        sum += dot(v, v);
    }
    let norm = inverseSqrt(reduce_sum(sum, lane) / f32(P) + params.eps);
    for (var i = lane; i < OCTETS; i += WG) {
        let v = weight_eight((row * L + group.x) * OCTETS + i);
        // #unroll
        for (var half = 0u; half < 2u; half += 1u) {
            let place = (at + i) * 2u + half;
            let projected = inputs[place] * norm * weight[2u * i + half];
            inputs[place] = (projected + v[half] * params.scale) * 0.70710678;
        }
    }
}

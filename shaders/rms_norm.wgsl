// out[t, :] = scale * x[t, :] / sqrt(mean(x[t, :]^2) + eps) * weight      one workgroup per token
//
//   x, out  (T, C) f32      weight (C,) f32      only the first state.n tokens are computed
//   dispatch (T, 1, 1)

override WG: u32 = 128;        // threads per row, a power of two
override C: u32 = 1;           // row length
override ADD: bool = false;    // add to out

// #include "lib/state.wgsl"
// #include "lib/norm_weight.wgsl"
// #include "lib/reduce.wgsl"

struct Params {
    eps: f32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if (group.x >= state.n) { return; }
    let row = group.x * C;
    var sum = 0.0;
    for (var i = lane; i < C; i += WG) { sum += x[row + i] * x[row + i]; }
    let scale = params.scale * inverseSqrt(reduce_sum(sum, lane) / f32(C) + params.eps);
    for (var i = lane; i < C; i += WG) {
        let y = x[row + i] * scale * norm_weight(i);
        if (ADD) { out[row + i] += y; } else { out[row + i] = y; }
    }
}

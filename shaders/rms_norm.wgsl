// out[t, :] = scale * x[t, :] / sqrt(mean(x[t, :]^2) + eps) * weight      one workgroup per token
//
//   x, out  (T, C) f32      weight (C,) f32      only the first state.n tokens are computed
//   dispatch (T, 1, 1)

override WG: u32 = 128;        // threads per row, a power of two
override C: u32 = 4;           // row length, a multiple of four
override ADD: bool = false;    // add to out

// #include "lib/state.wgsl"
// #include "lib/norm_weight.wgsl"
// #include "lib/reduce.wgsl"

struct Params {
    eps: f32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

const FOURS: u32 = C / 4u;
const PER: u32 = (FOURS + WG - 1u) / WG;       // of a thread

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if (group.x >= state.n) { return; }
    let row = group.x * FOURS;
    // All is asked for at once: a launch for one token is little more than one wait for memory.
    var v = array<vec4<f32>, PER>();
    var w = array<vec4<f32>, PER>();
    var before = array<vec4<f32>, PER>();
    var sum = 0.0;
    // #unroll
    for (var j = 0u; j < PER; j += 1u) {
        let i = lane + j * WG;
        if (i < FOURS) {
            v[j] = x[row + i];
            w[j] = norm_weight(i);
            if (ADD) { before[j] = out[row + i]; }
        }
    }
    // #unroll
    for (var j = 0u; j < PER; j += 1u) { sum += dot(v[j], v[j]); }
    let scale = params.scale * inverseSqrt(reduce_sum(sum, lane) / f32(C) + params.eps);
    // #unroll
    for (var j = 0u; j < PER; j += 1u) {
        let i = lane + j * WG;
        if (i < FOURS) { out[row + i] = before[j] + v[j] * scale * w[j]; }
    }
}

// out[t, i] = activate(max(gate - cutoff, 0)) * up, cutoff = mean + DEVIATIONS * deviation of gates
//
//   x (T, 2F) f32: a token's gates, then its ups      out (T, F) f32
//   dispatch (T, 1, 1); only the first state.n tokens

override WG: u32 = 128;        // threads per token, a power of two
override F: u32 = 1;
override DEVIATIONS: f32 = 0.0;

// #include "lib/state.wgsl"
// #include "lib/reduce.wgsl"
// #include "lib/silu.wgsl"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> state: State;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if (group.x >= state.n) { return; }
    let row = group.x * 2u * F;
    var sum = 0.0;
    for (var i = lane; i < F; i += WG) { sum += x[row + i]; }
    let mean = reduce_sum(sum, lane) / f32(F);
    sum = 0.0;
    for (var i = lane; i < F; i += WG) {
        let d = x[row + i] - mean;
        sum += d * d;
    }
    let cutoff = mean + DEVIATIONS * sqrt(reduce_sum(sum, lane) / f32(F));
    for (var i = lane; i < F; i += WG) {
        out[group.x * F + i] = activate(max(x[row + i] - cutoff, 0.0)) * x[row + F + i];
    }
}

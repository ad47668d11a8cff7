// x[t, i] *= sigmoid(gate[t, i])          the output gate of attention (Qwen3.5)
//
//   x, gate (T, C) f32, x in place; only the first state.n tokens
//   dispatch over ceil(T C / 64) workgroups in two dimensions

override C: u32 = 1;

// #include "lib/state.wgsl"
// #include "lib/sigmoid.wgsl"

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<uniform> state: State;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i < state.n * C) { x[i] *= sigmoid(gate[i]); }
}

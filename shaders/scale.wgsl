// x[t, i] *= factor[0]
//
//   x (T, C) f32, in place; only the first state.n tokens      factor (1,) f32
//   dispatch over ceil(T C / 64) workgroups in two dimensions

override C: u32 = 1;

// #include "lib/state.wgsl"

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<uniform> state: State;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i < state.n * C) { x[i] *= factor[0]; }
}

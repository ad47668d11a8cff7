// out[t, i] = activate(x[t, i]) * x[t, F + i]          for gate and up of different weight types
//
//   x (T, 2F) f32      out (T, F) f32
//   dispatch over ceil(T F / 64) workgroups in two dimensions

override F: u32 = 1;

// #include "lib/state.wgsl"
// #include "lib/silu.wgsl"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> state: State;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    let t = i / F;
    if (t >= state.n) { return; }
    let gate = t * 2u * F + i % F;
    out[i] = activate(x[gate]) * x[gate + F];
}

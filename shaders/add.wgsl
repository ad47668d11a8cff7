// out[t, i] = scale * (out[t, i] + x[t, i])
//
//   x, out (T, C) f32; only the first state.n tokens
//   dispatch over ceil(T C / 64) workgroups in two dimensions

override C: u32 = 1;

// #include "lib/state.wgsl"

struct Params {
    scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> state: State;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i < state.n * C) { out[i] = params.scale * (out[i] + x[i]); }
}

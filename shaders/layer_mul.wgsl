// x[t, i] *= inputs[t, at + i]          by what a layer has of each token's inputs for all layers
//
//   x (T, C) f32, in place      inputs (T, W) f32      only the first state.n tokens
//   dispatch over ceil(T C / 64) workgroups in two dimensions

override C: u32 = 1;
override W: u32 = 1;

// #include "lib/state.wgsl"

struct Params {
    at: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read> inputs: array<f32>;
@group(0) @binding(2) var<uniform> state: State;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i < state.n * C) { x[i] *= inputs[i / C * W + params.at + i % C]; }
}

// streams[i] += (hidden - streams[0]) * (1 + coef[i]), coef = table · tanh(router);
// then hidden = streams[0] * weight
//
//   streams (N, stride) f32, in place: (T, C) each      router (T, N) f32      table (N, N) f32
//   hidden (T, C) f32, in place      weight (C,) f32
//   dispatch over ceil(T C / 64) workgroups in two dimensions

override C: u32 = 1;
override N: u32 = 4;

// #include "lib/state.wgsl"

struct Params {
    stride: u32,
}

@group(0) @binding(0) var<storage, read_write> streams: array<f32>;
@group(0) @binding(1) var<storage, read> router: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(5) var<uniform> state: State;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.x + group.y * groups.x) * 64u + lane;
    if (i >= state.n * C) { return; }
    var modes: array<f32, N>;
    // #unroll
    for (var n = 0u; n < N; n += 1u) {
        modes[n] = tanh(clamp(router[i / C * N + n], -10.0, 10.0));
    }
    let news = hidden[i] - streams[i];
    // #unroll
    for (var n = 0u; n < N; n += 1u) {
        var coef = 1.0;
        // #unroll
        for (var m = 0u; m < N; m += 1u) { coef += table[n * N + m] * modes[m]; }
        let y = streams[n * params.stride + i] + news * coef;
        streams[n * params.stride + i] = y;
        if (n == 0u) { hidden[i] = y * weight[i % C]; }
    }
}

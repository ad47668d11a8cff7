// In place: one RMSNorm over all of a row's query columns, and one over its key columns (OLMo 2)
//
//   qkv (T, (H + 2 KV) D) f32, its values are left alone      weight (H D + KV D,) f32
//   dispatch (T, 2, 1): queries, keys                   only the first state.n tokens are normed

override WG: u32 = 128;        // threads, a power of two
override D: u32 = 64;          // head size
override H: u32 = 1;           // query heads
override KV: u32 = 1;          // key and value heads

// #include "lib/state.wgsl"
// #include "lib/reduce.wgsl"

struct Params {
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<uniform> state: State;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if (group.x >= state.n) { return; }
    let first = group.y * H * D;
    let columns = select(H * D, KV * D, group.y == 1u);
    let row = group.x * (H + 2u * KV) * D + first;
    var sum = 0.0;
    for (var i = lane; i < columns; i += WG) { sum += qkv[row + i] * qkv[row + i]; }
    let scale = inverseSqrt(reduce_sum(sum, lane) / f32(columns) + params.eps);
    for (var i = lane; i < columns; i += WG) { qkv[row + i] *= scale * weight[first + i]; }
}

// Prefill's share of attention_decode's first part: norm, rotate, and keep keys and values.
//
//   qkv (T, (H + 2 KV) D) f32      q (T, H D) f32: rotated, scaled by 1/sqrt(D)
//   keys (KV, D/8, S) and values (KV, S, D/8): positions state.pos … are written
//   dispatch (T, H + KV, 1): one head of one token

override D: u32 = 64;
override H: u32 = 1;
override KV: u32 = 1;
override S: u32 = 1;
override ROT: u32 = 64;
override NEOX: bool = true;
override WG: u32 = 32;

const LV: u32 = D / 8u;

// #include "lib/state.wgsl"
// #include "lib/no_head_norm.wgsl"
// #include "lib/reduce.wgsl"

struct Params {
    eps: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> values: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> freqs: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> q: array<f32>;
@group(0) @binding(5) var<uniform> state: State;
@group(0) @binding(6) var<uniform> params: Params;

// #include "lib/halves.wgsl"
// #include "lib/rope.wgsl"

var<workgroup> head: array<f32, D>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let t = group.x;
    if (t >= state.n) { return; }
    let row = t * (H + 2u * KV) * D;
    let is_key = group.y >= H;
    var scale = 1.0;
    if (HEAD_NORM) {
        var sum = 0.0;
        for (var d = lane; d < D; d += WG) {
            let x = qkv[row + group.y * D + d];
            sum += x * x;
        }
        scale = inverseSqrt(reduce_sum(sum, lane) / f32(D) + params.eps);
    }
    for (var pair = lane; pair < D / 2u; pair += WG) {
        let dims = rope_dims(pair);
        let at = row + group.y * D;
        var v = vec2<f32>(qkv[at + dims.x], qkv[at + dims.y]);
        if (HEAD_NORM) {
            let weight = select(0u, D, is_key);
            v *= scale * vec2<f32>(head_norm(weight + dims.x), head_norm(weight + dims.y));
        }
        v = rope_turn(v, pair, state.pos + t) * select(inverseSqrt(f32(D)), 1.0, is_key);
        head[dims.x] = v.x;
        head[dims.y] = v.y;
    }
    workgroupBarrier();
    if (!is_key) {
        for (var d = lane; d < D; d += WG) { q[(t * H + group.y) * D + d] = head[d]; }
        return;
    }
    let kv = group.y - H;
    for (var e = lane; e < LV; e += WG) {
        let k = e * 8u;
        let v = row + (group.y + KV) * D + e * 8u;
        keys[(kv * LV + e) * S + state.pos + t] = halves8(
            vec4<f32>(head[k], head[k + 1u], head[k + 2u], head[k + 3u]),
            vec4<f32>(head[k + 4u], head[k + 5u], head[k + 6u], head[k + 7u]));
        values[(kv * S + state.pos + t) * LV + e] = halves8(
            vec4<f32>(qkv[v], qkv[v + 1u], qkv[v + 2u], qkv[v + 3u]),
            vec4<f32>(qkv[v + 4u], qkv[v + 5u], qkv[v + 6u], qkv[v + 7u]));
    }
}

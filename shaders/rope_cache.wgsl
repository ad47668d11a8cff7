// Prefill's share of attention_decode's first part: norm, rotate, and keep keys and values.
//
//   qkv (T, COLUMNS) f32: queries, keys and, unless TIED, values; SHARED: queries
//   q (T, H D) f32: rotated and scaled
//   keys (KV, D/8, S) and values (KV, S, D/8): positions state.pos … are written
//   dispatch (T, H + KV, 1): one head of one token; (T, H, 1) where the cache is another layer's

override D: u32 = 64;
override H: u32 = 1;
override KV: u32 = 1;
override S: u32 = 1;
override ROT: u32 = 64;
override NEOX: bool = true;
override WG: u32 = 32;

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
// #include "lib/heads.wgsl"

var<workgroup> heads: array<f32, D>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let t = group.x;
    if (t >= state.n) { return; }
    let pos = state.pos + t;
    let at = t * COLUMNS + group.y * D;
    let is_key = group.y >= H;
    var squares = 0.0;
    for (var pair = lane; pair < D / 2u; pair += WG) {
        let dims = rope_dims(pair);
        let v = fetch(at, pair, pos);
        squares += dot(v, v);
        heads[dims.x] = v.x;
        heads[dims.y] = v.y;
    }
    var mean = 0.0;
    if (HEAD_NORM) { mean = reduce_sum(squares, lane) / f32(D); }
    for (var pair = lane; pair < D / 2u; pair += WG) {
        let dims = rope_dims(pair);
        let v = finish(vec2<f32>(heads[dims.x], heads[dims.y]), pair, pos, is_key, mean);
        heads[dims.x] = v.x;
        heads[dims.y] = v.y;
    }
    workgroupBarrier();
    if (!is_key) {
        for (var d = lane; d < D; d += WG) { q[(t * H + group.y) * D + d] = heads[d]; }
        return;
    }
    let value = at + VALUE;
    var scale = 1.0;
    if (VALUE_NORM) {
        squares = 0.0;
        for (var d = lane; d < D; d += WG) { squares += qkv[value + d] * qkv[value + d]; }
        scale = inverseSqrt(reduce_sum(squares, lane) / f32(D) + params.eps);
    }
    for (var e = lane; e < LV; e += WG) {
        keep(group.y - H, e, pos, e * 8u, value + e * 8u, scale);
    }
}

// One step of causal attention for one token, split over the cached positions (flash-decoding).
//
//   qkv (1, (H + 2 KV) D) f32: queries, keys, values, before norm and rotation
//   keys (KV, D/8, S) and values (KV, S, D/8), 8 halves an element; position state.pos is written
//   out  one split: (H, D), the result;  more: (splits, H, D) sums, then (splits, H) (max, weight)
//   dispatch (H / GW, splits, 1): a workgroup serves GW query heads that share a key head

override D: u32 = 64;          // head size
override H: u32 = 1;           // query heads
override KV: u32 = 1;          // key and value heads
override GW: u32 = 1;          // query heads of a workgroup; divides H / KV
override S: u32 = 1;           // positions that the cache holds
override ROT: u32 = 64;        // rotated dimensions of a head
override WG: u32 = 128;        // threads, at least D / 8
override NEOX: bool = true;    // pairs are (i, i + ROT/2), else (2i, 2i + 1)

const SPAN: u32 = 256;                      // positions that one split may have
const LV: u32 = D / 8u;                     // elements of a cached head
const TEAMS: u32 = WG / LV;                 // positions that are summed at once
const LINE: u32 = WG + LV;                  // one of a thread's 8 sums, and what parts the banks
const SCRATCH: u32 = max(GW * SPAN, LINE * 8u);

// #include "lib/state.wgsl"
// #include "lib/no_head_norm.wgsl"

struct Params {
    splits: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> values: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> freqs: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<uniform> state: State;
@group(0) @binding(6) var<uniform> params: Params;

// #include "lib/halves.wgsl"
// #include "lib/rope.wgsl"
// #include "lib/softmax.wgsl"

var<workgroup> heads: array<f32, (GW + 1u) * D>;      // GW queries, then the new key
var<workgroup> scores: array<f32, SCRATCH>;
var<workgroup> team: array<f32, (GW + 1u) * 16u>;

// queries and key: fetched, normed, rotated; queries scaled by 1/sqrt(D)
fn prepare(first: u32, kv: u32, lane: u32) {
    for (var i = lane; i < GW * D; i += WG) { heads[i] = qkv[first * D + i]; }
    for (var i = lane; i < D; i += WG) { heads[GW * D + i] = qkv[(H + kv) * D + i]; }
    workgroupBarrier();
    if (HEAD_NORM) {
        for (var i = lane; i < (GW + 1u) * 16u; i += WG) {
            var sum = 0.0;
            for (var d = i % 16u; d < D; d += 16u) {
                let x = heads[i / 16u * D + d];
                sum += x * x;
            }
            team[i] = sum;
        }
        workgroupBarrier();
    }
    for (var i = lane; i < (GW + 1u) * (D / 2u); i += WG) {
        let head = i / (D / 2u);
        let pair = i % (D / 2u);
        let is_key = head == GW;
        let dims = rope_dims(pair);
        var v = vec2<f32>(heads[head * D + dims.x], heads[head * D + dims.y]);
        if (HEAD_NORM) {
            var sum = 0.0;
            for (var j = 0u; j < 16u; j += 1u) { sum += team[head * 16u + j]; }
            let at = select(0u, D, is_key);
            v *= inverseSqrt(sum / f32(D) + params.eps)
                * vec2<f32>(head_norm(at + dims.x), head_norm(at + dims.y));
        }
        v = rope_turn(v, pair, state.pos) * select(inverseSqrt(f32(D)), 1.0, is_key);
        heads[head * D + dims.x] = v.x;
        heads[head * D + dims.y] = v.y;
    }
    workgroupBarrier();
}

fn store(kv: u32, e: u32) {
    let k = GW * D + e * 8u;
    let v = (H + KV + kv) * D + e * 8u;
    keys[(kv * LV + e) * S + state.pos] = halves8(
        vec4<f32>(heads[k], heads[k + 1u], heads[k + 2u], heads[k + 3u]),
        vec4<f32>(heads[k + 4u], heads[k + 5u], heads[k + 6u], heads[k + 7u]));
    values[(kv * S + state.pos) * LV + e] = halves8(
        vec4<f32>(qkv[v], qkv[v + 1u], qkv[v + 2u], qkv[v + 3u]),
        vec4<f32>(qkv[v + 4u], qkv[v + 5u], qkv[v + 6u], qkv[v + 7u]));
}

// scores of the positions [begin, begin + n) for every head
fn score(kv: u32, begin: u32, n: u32, lane: u32) {
    for (var i = lane; i < n; i += WG) {
        var dots = array<f32, GW>();
        // #unroll
        for (var e = 0u; e < LV; e += 1u) {
            let w = keys[(kv * LV + e) * S + begin + i];
            let a = vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));
            let b = vec4<f32>(unpack2x16float(w.z), unpack2x16float(w.w));
            // #unroll
            for (var h = 0u; h < GW; h += 1u) {
                let q = h * D + e * 8u;
                dots[h] += dot(a, vec4<f32>(heads[q], heads[q + 1u], heads[q + 2u], heads[q + 3u]))
                    + dot(b, vec4<f32>(heads[q + 4u], heads[q + 5u], heads[q + 6u], heads[q + 7u]));
            }
        }
        // #unroll
        for (var h = 0u; h < GW; h += 1u) { scores[h * SPAN + i] = dots[h]; }
    }
    workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * GW;
    let kv = first / (H / KV);
    let span = (state.pos + params.splits) / params.splits;      // of pos + 1 positions, rounded up
    let begin = min(group.y * span, state.pos + 1u);
    let n = min(span, state.pos + 1u - begin);
    prepare(first, kv, lane);
    if (begin + n == state.pos + 1u && n > 0u && lane < LV) { store(kv, lane); }
    storageBarrier();
    score(kv, begin, n, lane);
    weigh(n, lane);

    var low = array<vec4<f32>, GW>();
    var high = array<vec4<f32>, GW>();
    let e = lane % LV;
    if (lane < TEAMS * LV) {
        // Four positions at a time, so that their loads wait together; those beyond n count as 0.
        for (var i = lane / LV; i < n; i += TEAMS * 4u) {
            var w = array<vec4<u32>, 4>();
            // #unroll
            for (var j = 0u; j < 4u; j += 1u) {
                let at = (kv * S + min(begin + i + j * TEAMS, S - 1u)) * LV + e;
                w[j] = select(vec4<u32>(), values[at], i + j * TEAMS < n);
            }
            // #unroll
            for (var j = 0u; j < 4u; j += 1u) {
                let a = vec4<f32>(unpack2x16float(w[j].x), unpack2x16float(w[j].y));
                let b = vec4<f32>(unpack2x16float(w[j].z), unpack2x16float(w[j].w));
                // #unroll
                for (var h = 0u; h < GW; h += 1u) {
                    let weight = scores[h * SPAN + min(i + j * TEAMS, SPAN - 1u)];
                    low[h] += weight * a;
                    high[h] += weight * b;
                }
            }
        }
    }
    // #unroll
    for (var h = 0u; h < GW; h += 1u) {
        workgroupBarrier();
        if (lane < TEAMS * LV) {
            // #unroll
            for (var j = 0u; j < 4u; j += 1u) {
                scores[j * LINE + lane] = low[h][j];
                scores[(j + 4u) * LINE + lane] = high[h][j];
            }
        }
        workgroupBarrier();
        let scale = select(1.0, 1.0 / total(h), params.splits == 1u);
        for (var i = lane; i < D; i += WG) {
            let j = i / LV;
            var sum = 0.0;
            for (var t = 0u; t < TEAMS; t++) { sum += scores[j * LINE + t * LV + i % LV]; }
            out[(group.y * H + first + h) * D + i % LV * 8u + j] = sum * scale;
        }
    }
    if (params.splits > 1u && lane < GW) {
        let at = params.splits * H * D + (group.y * H + first + lane) * 2u;
        out[at] = select(-1e30, largest(lane), n > 0u);
        out[at + 1u] = select(0.0, total(lane), n > 0u);
    }
}

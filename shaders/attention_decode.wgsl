// One step of causal attention for one token, split over the cached positions (flash-decoding).
//
//   qkv (1, COLUMNS) f32: queries, keys and, unless TIED, values, before norm and rotation
//   keys (KV, D/8, S) and values (KV, S, D/8), 8 halves an element; position state.pos is written
//   SHARED: qkv (1, H D), and that position is read
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
override WINDOW: u32 = 0;      // positions that are seen, its own included; 0: all up to it

const SPAN: u32 = 256;                      // positions that one split may have
const TEAMS: u32 = WG / LV;                 // positions that are summed at once
const LINE: u32 = WG + LV;                  // one of a thread's 8 sums, and what parts the banks
const AHEAD: u32 = select(4u, 8u, D > 128u);        // positions that a thread asks for at once
const OWN: u32 = GW + select(1u, 0u, SHARED);       // heads of this token: queries, the new key
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
// #include "lib/heads.wgsl"
// #include "lib/softcap.wgsl"
// #include "lib/softmax.wgsl"

var<workgroup> heads: array<f32, OWN * D>;
var<workgroup> scores: array<f32, SCRATCH>;
var<workgroup> team: array<f32, (OWN + 1u) * 16u>;    // sums of squares: the heads', the value's

fn mean_square(head: u32) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < 16u; j += 1u) { sum += team[head * 16u + j]; }
    return sum / f32(D);
}

// queries and key: fetched, normed, rotated, scaled
fn prepare(first: u32, kv: u32, lane: u32) {
    for (var i = lane; i < OWN * (D / 2u); i += WG) {
        let head = i / (D / 2u);
        let dims = head * D + rope_dims(i % (D / 2u));
        let v = fetch(select(first + head, H + kv, head == GW) * D, i % (D / 2u), state.pos);
        heads[dims.x] = v.x;
        heads[dims.y] = v.y;
    }
    if (HEAD_NORM || VALUE_NORM) {
        workgroupBarrier();
        for (var i = lane; i < (OWN + 1u) * 16u; i += WG) {
            let head = i / 16u;
            var sum = 0.0;
            for (var d = i % 16u; d < D; d += 16u) {
                var x = 0.0;
                if (head < OWN) { x = heads[head * D + d]; }
                if (head == OWN && VALUE_NORM) { x = qkv[(H + kv) * D + VALUE + d]; }
                sum += x * x;
            }
            team[i] = sum;
        }
        workgroupBarrier();
    }
    for (var i = lane; i < OWN * (D / 2u); i += WG) {
        let head = i / (D / 2u);
        let dims = head * D + rope_dims(i % (D / 2u));
        var mean = 0.0;
        if (HEAD_NORM) { mean = mean_square(head); }
        let fetched = vec2<f32>(heads[dims.x], heads[dims.y]);
        let v = finish(fetched, i % (D / 2u), state.pos, head == GW, mean);
        heads[dims.x] = v.x;
        heads[dims.y] = v.y;
    }
    workgroupBarrier();
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
        for (var h = 0u; h < GW; h += 1u) { scores[h * SPAN + i] = softcap(dots[h]); }
    }
    workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * GW;
    let kv = first / (H / KV);
    let end = state.pos + 1u;
    let seen = select(end, min(end, WINDOW), WINDOW > 0u);
    let span = (seen + params.splits - 1u) / params.splits;
    let begin = end - seen + min(group.y * span, seen);
    let n = min(span, end - begin);
    prepare(first, kv, lane);
    if (!SHARED && begin + n == end && n > 0u && lane < LV) {
        var scale = 1.0;
        if (VALUE_NORM) { scale = inverseSqrt(mean_square(OWN) + params.eps); }
        keep(kv, lane, state.pos, GW * D + lane * 8u, (H + kv) * D + VALUE + lane * 8u, scale);
    }
    storageBarrier();
    score(kv, begin, n, lane);
    weigh(n, lane);

    var low = array<vec4<f32>, GW>();
    var high = array<vec4<f32>, GW>();
    let e = lane % LV;
    if (lane < TEAMS * LV) {
        // Several positions at a time: their loads wait together, and those beyond n count as 0.
        for (var i = lane / LV; i < n; i += TEAMS * AHEAD) {
            var w = array<vec4<u32>, AHEAD>();
            // #unroll
            for (var j = 0u; j < AHEAD; j += 1u) {
                let at = (kv * S + min(begin + i + j * TEAMS, S - 1u)) * LV + e;
                w[j] = select(vec4<u32>(), values[at], i + j * TEAMS < n);
            }
            // #unroll
            for (var j = 0u; j < AHEAD; j += 1u) {
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

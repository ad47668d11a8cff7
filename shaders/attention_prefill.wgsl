// Causal attention of T new tokens over the cache, tile by tile (FlashAttention, arXiv 2205.14135).
//
//   q (T, H, D) f32, rotated and scaled      out (T, H, D) f32
//   keys (KV, D/8, S) and values (KV, S, D/8), 8 halves an element; the new positions are in it
//   dispatch (ceil(T * G / BQ), KV, 1), where G = H / KV query heads share a key head
// A row is a query head of a token: rows t * G … t * G + G - 1 of a key head are those of token t.

override D: u32 = 64;
override H: u32 = 1;
override KV: u32 = 1;
override S: u32 = 1;
override WINDOW: u32 = 0;      // positions that a row sees, its own included; 0: all up to it
override WG: u32 = 128;        // threads: 128, or 256, and at least D / 2

const BQ: u32 = 16;            // rows of a tile, 4 to a vec4
const BK: u32 = 64;            // positions of a tile
const ACROSS: u32 = WG * 4u / BQ;               // threads that score 4 rows: 32 or 64
const G: u32 = H / KV;
const LV: u32 = D / 8u;
const TEAM: u32 = LV * 4u;     // threads that sum values: 8 dimensions of 4 rows each
const TEAMS: u32 = WG / TEAM;  // which share the positions
const SCRATCH: u32 = max(BK * 4u, select(0u, TEAM * 8u, TEAMS > 1u));

// #include "lib/state.wgsl"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> state: State;

// #include "lib/softcap.wgsl"

// Of position i and rows 4r …: i * 4 + r. Afterwards a team's sums.
var<workgroup> weights: array<vec4<f32>, SCRATCH>;

// #include "lib/softmax_tiles.wgsl"

// The first vec4 of a row of q or out.
fn row_at(kv: u32, row: u32) -> u32 { return (row / G * H + kv * G + row % G) * LV * 2u; }

// which of four rows, of tokens at positions `own`, see position `at`
fn visible(at: u32, own: vec4<u32>) -> vec4<bool> {
    let begun = vec4<u32>(at) <= own;
    if (WINDOW == 0u) { return begun; }
    return begun & (vec4<u32>(at + WINDOW) > own);
}

// the scores of a tile, in `weights`; a thread takes a position, or two with 128 threads
fn score(kv: u32, first: u32, begin: u32, lane: u32) {
    let row = first + lane / ACROSS * 4u;
    let at = begin + lane % ACROSS;
    var near = vec4<f32>();
    var far = vec4<f32>();
    for (var e = 0u; e < LV; e += 1u) {
        let k = keys[(kv * LV + e) * S + min(at, S - 1u)];
        let l = keys[(kv * LV + e) * S + min(at + ACROSS, S - 1u)];
        let k0 = vec4<f32>(unpack2x16float(k.x), unpack2x16float(k.y));
        let k1 = vec4<f32>(unpack2x16float(k.z), unpack2x16float(k.w));
        let l0 = vec4<f32>(unpack2x16float(l.x), unpack2x16float(l.y));
        let l1 = vec4<f32>(unpack2x16float(l.z), unpack2x16float(l.w));
        // #unroll
        for (var r = 0u; r < 4u; r += 1u) {
            let i = row_at(kv, min(row + r, state.n * G - 1u)) + e * 2u;
            let a = q[i];
            let b = q[i + 1u];
            near[r] += dot(a, k0) + dot(b, k1);
            far[r] += dot(a, l0) + dot(b, l1);
        }
    }
    // #unroll
    for (var r = 0u; r < 4u; r += 1u) {
        near[r] = softcap(near[r]);
        far[r] = softcap(far[r]);
    }
    let own = state.pos + (vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u)) / G;
    let to = lane % ACROSS * 4u + lane / ACROSS;
    weights[to] = select(vec4<f32>(-1e30), near, visible(at, own));
    if (ACROSS < BK) {
        weights[to + ACROSS * 4u] = select(vec4<f32>(-1e30), far, visible(at + ACROSS, own));
    }
    workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * BQ;
    if (first >= state.n * G) { return; }
    let kv = group.y;
    if (lane < 2u * BQ) { tops[lane] = -1e30; }
    workgroupBarrier();

    var low = array<vec4<f32>, 4>();
    var high = array<vec4<f32>, 4>();
    var total = 0.0;
    let member = lane % TEAM;
    let team = lane / TEAM;
    let e = member % LV;
    let rows = member / LV;
    let end = state.pos + (min(first + BQ, state.n * G) - 1u) / G + 1u;
    var tile = 0u;
    if (WINDOW > 0u) {    // the first tile of which the first row sees something
        let seen = state.pos + first / G + 1u;
        tile = (seen - min(seen, WINDOW)) / BK;
    }
    for (; tile * BK < end; tile += 1u) {
        let begin = tile * BK;
        score(kv, first, begin, lane);
        let sum = weigh(tile, lane);
        total = total * shrink[lane % BQ] + sum;
        // #unroll
        for (var j = 0u; j < 4u; j += 1u) {
            low[j] *= shrink[rows * 4u + j];
            high[j] *= shrink[rows * 4u + j];
        }
        let n = select(0u, min(BK, end - begin), team < TEAMS);
        // Four positions at a time, so that their loads wait together; those beyond n count as 0.
        for (var i = team; i < n; i += TEAMS * 4u) {
            var v = array<vec4<u32>, 4>();
            // #unroll
            for (var h = 0u; h < 4u; h += 1u) {
                let at = min(begin + i + h * TEAMS, S - 1u);
                v[h] = select(vec4<u32>(), values[(kv * S + at) * LV + e], i + h * TEAMS < n);
            }
            // #unroll
            for (var h = 0u; h < 4u; h += 1u) {
                let a = vec4<f32>(unpack2x16float(v[h].x), unpack2x16float(v[h].y));
                let b = vec4<f32>(unpack2x16float(v[h].z), unpack2x16float(v[h].w));
                let weight = weights[min(i + h * TEAMS, BK - 1u) * 4u + rows];
                // #unroll
                for (var j = 0u; j < 4u; j += 1u) {
                    low[j] += weight[j] * a;
                    high[j] += weight[j] * b;
                }
            }
        }
        workgroupBarrier();
    }
    if (lane < BQ) { masses[lane] = total; }
    // #unroll
    for (var t = 1u; t < TEAMS; t += 1u) {
        if (team == t) {
            // #unroll
            for (var j = 0u; j < 4u; j += 1u) {
                weights[member * 8u + j] = low[j];
                weights[member * 8u + 4u + j] = high[j];
            }
        }
        workgroupBarrier();
        if (team == 0u) {
            // #unroll
            for (var j = 0u; j < 4u; j += 1u) {
                low[j] += weights[member * 8u + j];
                high[j] += weights[member * 8u + 4u + j];
            }
        }
        workgroupBarrier();
    }
    workgroupBarrier();
    // #unroll
    for (var j = 0u; j < 4u; j += 1u) {
        let row = rows * 4u + j;
        if (team == 0u && first + row < state.n * G) {
            let at = row_at(kv, first + row) + e * 2u;
            out[at] = low[j] / masses[row];
            out[at + 1u] = high[j] / masses[row];
        }
    }
}

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
override BQ: u32 = 32;         // rows of a tile: 8, 16 or 32

const WG: u32 = 128;
const BK: u32 = 64;            // positions of a tile
const G: u32 = H / KV;
const LV: u32 = D / 8u;
const SCORED: u32 = BQ / 4u;   // rows whose scores a thread computes, at two positions each
const PARTS: u32 = WG / BQ;    // threads that share a row's softmax
const SUMMED: u32 = select(select(select(BQ / 4u, BQ / 8u, LV <= 16u), BQ / 16u, LV <= 8u),
    BQ / 32u, LV <= 4u && BQ == 32u);           // rows that a thread sums
const TEAMS: u32 = BQ / SUMMED;

// #include "lib/state.wgsl"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> state: State;

var<workgroup> weights: array<f32, BK * BQ>;    // of position i and row r: i * BQ + r
var<workgroup> maxima: array<f32, WG>;
var<workgroup> masses: array<f32, WG>;
var<workgroup> tops: array<f32, 2u * BQ>;       // of the rows, after this tile and the last one
var<workgroup> shrink: array<f32, BQ>;

// The first vec4 of a row of q or out.
fn row_at(kv: u32, row: u32) -> u32 { return (row / G * H + kv * G + row % G) * LV * 2u; }

fn score(kv: u32, first: u32, begin: u32, lane: u32) {
    let row = first + lane / 32u * SCORED;
    let at = begin + lane % 32u;
    var near = array<f32, SCORED>();
    var far = array<f32, SCORED>();
    for (var e = 0u; e < LV; e += 1u) {
        let k = keys[(kv * LV + e) * S + min(at, S - 1u)];
        let l = keys[(kv * LV + e) * S + min(at + 32u, S - 1u)];
        let k0 = vec4<f32>(unpack2x16float(k.x), unpack2x16float(k.y));
        let k1 = vec4<f32>(unpack2x16float(k.z), unpack2x16float(k.w));
        let l0 = vec4<f32>(unpack2x16float(l.x), unpack2x16float(l.y));
        let l1 = vec4<f32>(unpack2x16float(l.z), unpack2x16float(l.w));
        // #unroll
        for (var r = 0u; r < SCORED; r += 1u) {
            let i = row_at(kv, min(row + r, state.n * G - 1u)) + e * 2u;
            let a = q[i];
            let b = q[i + 1u];
            near[r] += dot(a, k0) + dot(b, k1);
            far[r] += dot(a, l0) + dot(b, l1);
        }
    }
    let to = lane % 32u * BQ + row - first;
    // #unroll
    for (var r = 0u; r < SCORED; r += 1u) {
        let last = state.pos + (row + r) / G;
        weights[to + r] = select(-1e30, near[r], at <= last);
        weights[to + r + 32u * BQ] = select(-1e30, far[r], at + 32u <= last);
    }
    workgroupBarrier();
}

// Online softmax: scores become weights. Returns their sum for this lane's row, if lane < BQ.
fn weigh(tile: u32, lane: u32) -> f32 {
    let row = lane % BQ;
    var top = -1e30;
    for (var i = lane / BQ; i < BK; i += PARTS) { top = max(top, weights[i * BQ + row]); }
    maxima[lane] = top;
    workgroupBarrier();
    let before = tops[(tile & 1u) * BQ + row];
    top = before;
    // #unroll
    for (var p = 0u; p < PARTS; p += 1u) { top = max(top, maxima[p * BQ + row]); }
    var sum = 0.0;
    for (var i = lane / BQ; i < BK; i += PARTS) {
        let weight = exp(weights[i * BQ + row] - top);
        weights[i * BQ + row] = weight;
        sum += weight;
    }
    masses[lane] = sum;
    if (lane < BQ) {
        shrink[row] = exp(before - top);
        tops[((tile + 1u) & 1u) * BQ + row] = top;
    }
    workgroupBarrier();
    var total = 0.0;
    // #unroll
    for (var p = 0u; p < PARTS; p += 1u) { total += masses[p * BQ + row]; }
    return total;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * BQ;
    if (first >= state.n * G) { return; }
    let kv = group.y;
    if (lane < BQ) { tops[lane] = -1e30; }
    workgroupBarrier();

    var low = array<vec4<f32>, SUMMED>();
    var high = array<vec4<f32>, SUMMED>();
    var total = 0.0;
    let e = lane % LV;
    let team = min(lane / LV, TEAMS - 1u);
    let end = state.pos + (min(first + BQ, state.n * G) - 1u) / G + 1u;
    for (var tile = 0u; tile * BK < end; tile += 1u) {
        let begin = tile * BK;
        score(kv, first, begin, lane);
        let sum = weigh(tile, lane);
        total = total * shrink[lane % BQ] + sum;
        // #unroll
        for (var j = 0u; j < SUMMED; j += 1u) {
            low[j] *= shrink[team * SUMMED + j];
            high[j] *= shrink[team * SUMMED + j];
        }
        for (var i = 0u; i < min(BK, end - begin); i += 1u) {
            let v = values[(kv * S + begin + i) * LV + e];
            let a = vec4<f32>(unpack2x16float(v.x), unpack2x16float(v.y));
            let b = vec4<f32>(unpack2x16float(v.z), unpack2x16float(v.w));
            // #unroll
            for (var j = 0u; j < SUMMED; j += 1u) {
                let weight = weights[i * BQ + team * SUMMED + j];
                low[j] += weight * a;
                high[j] += weight * b;
            }
        }
        workgroupBarrier();
    }
    if (lane < BQ) { masses[lane] = total; }
    workgroupBarrier();
    // #unroll
    for (var j = 0u; j < SUMMED; j += 1u) {
        let row = team * SUMMED + j;
        if (lane < TEAMS * LV && first + row < state.n * G) {
            let at = row_at(kv, first + row) + e * 2u;
            out[at] = low[j] / masses[row];
            out[at + 1u] = high[j] / masses[row];
        }
    }
}

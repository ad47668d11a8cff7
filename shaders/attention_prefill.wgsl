// Causal attention of T new tokens over the cache, tile by tile (FlashAttention, arXiv 2205.14135).
//
//   q (T, H, D) f32, rotated and scaled      out (T, H, D) f32
//   keys (KV, D/8, S) and values (KV, S, D/8), 8 halves an element; the new positions are in it
//   dispatch (ceil(T / BQ), H, 1)

override D: u32 = 64;
override H: u32 = 1;
override KV: u32 = 1;
override S: u32 = 1;
override BQ: u32 = 16;         // tokens of a tile: 16, or 8 where heads are large

const WG: u32 = 128;
const BK: u32 = 32;                         // positions of a tile
const LV: u32 = D / 8u;
const ROWS: u32 = BQ / 4u;                  // scores that a thread computes
const PART: u32 = WG / BQ;                  // threads that share a row's softmax
const TEAMS: u32 = WG / LV;                 // rows that are summed at once
const OUT: u32 = (BQ + TEAMS - 1u) / TEAMS; // rows that a thread sums

// #include "lib/state.wgsl"

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> state: State;

var<workgroup> queries: array<vec4<f32>, BQ * LV * 2u>;
var<workgroup> weights: array<f32, BQ * BK>;
var<workgroup> partial: array<f32, WG>;
var<workgroup> tops: array<f32, BQ>;
var<workgroup> totals: array<f32, BQ>;
var<workgroup> shrink: array<f32, BQ>;

fn score(kv: u32, begin: u32, first: u32, lane: u32) {
    let pos = begin + lane % BK;
    let row = lane / BK * ROWS;
    var dots = array<f32, ROWS>();
    for (var e = 0u; e < LV; e++) {
        let w = keys[(kv * LV + e) * S + min(pos, S - 1u)];
        let a = vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));
        let b = vec4<f32>(unpack2x16float(w.z), unpack2x16float(w.w));
        for (var r = 0u; r < ROWS; r++) {
            let at = ((row + r) * LV + e) * 2u;
            dots[r] += dot(a, queries[at]) + dot(b, queries[at + 1u]);
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        let seen = pos <= state.pos + first + row + r;
        weights[(row + r) * BK + lane % BK] = select(-1e30, dots[r], seen);
    }
    workgroupBarrier();
}

// online softmax: scores become weights, and what was summed before shrinks
fn weigh(lane: u32) {
    let row = lane / PART;
    var top = -1e30;
    for (var i = lane % PART; i < BK; i += PART) { top = max(top, weights[row * BK + i]); }
    partial[lane] = top;
    workgroupBarrier();
    let before = tops[row];
    top = before;
    for (var i = 0u; i < PART; i++) { top = max(top, partial[row * PART + i]); }
    var sum = 0.0;
    for (var i = lane % PART; i < BK; i += PART) {
        let weight = exp(weights[row * BK + i] - top);
        weights[row * BK + i] = weight;
        sum += weight;
    }
    workgroupBarrier();
    partial[lane] = sum;
    workgroupBarrier();
    if (lane % PART == 0u) {
        let kept = exp(before - top);
        sum = 0.0;
        for (var i = 0u; i < PART; i++) { sum += partial[lane + i]; }
        totals[row] = totals[row] * kept + sum;
        shrink[row] = kept;
        tops[row] = top;
    }
    workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * BQ;
    if (first >= state.n) { return; }
    let kv = group.y / (H / KV);
    for (var i = lane; i < BQ * LV * 2u; i += WG) {
        let t = min(first + i / (LV * 2u), state.n - 1u);
        queries[i] = q[(t * H + group.y) * LV * 2u + i % (LV * 2u)];
    }
    for (var i = lane; i < BQ; i += WG) { tops[i] = -1e30; totals[i] = 0.0; }
    workgroupBarrier();

    var low = array<vec4<f32>, OUT>();
    var high = array<vec4<f32>, OUT>();
    let e = lane % LV;
    let last = state.pos + min(first + BQ, state.n) - 1u;        // the tile's last position
    for (var begin = 0u; begin <= last; begin += BK) {
        score(kv, begin, first, lane);
        weigh(lane);
        for (var j = 0u; j < OUT; j++) {
            let kept = shrink[min(lane / LV + j * TEAMS, BQ - 1u)];
            low[j] *= kept;
            high[j] *= kept;
        }
        for (var i = 0u; i < BK; i++) {
            let w = values[(kv * S + min(begin + i, S - 1u)) * LV + e];
            let a = vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));
            let b = vec4<f32>(unpack2x16float(w.z), unpack2x16float(w.w));
            for (var j = 0u; j < OUT; j++) {
                let weight = weights[min(lane / LV + j * TEAMS, BQ - 1u) * BK + i];
                low[j] += weight * a;
                high[j] += weight * b;
            }
        }
        workgroupBarrier();
    }
    for (var j = 0u; j < OUT; j++) {
        let row = lane / LV + j * TEAMS;
        if (lane < TEAMS * LV && row < BQ && first + row < state.n) {
            let at = (((first + row) * H + group.y) * LV + e) * 2u;
            out[at] = low[j] / totals[row];
            out[at + 1u] = high[j] / totals[row];
        }
    }
}

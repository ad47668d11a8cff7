// out[t, out_at + r] = sum(w[r, :] * x[t, :]) + bias[out_at + r]    TM tokens x 64 rows a group
//
//   w (rows, K) any type   x (T, K) f32   out (T, width) f32   bias: see the options
//   options: BIAS, ADD (out += …), GATED (rows are gate 0, up 0, …: silu(row 2r) * row 2r + 1)
//   only the first state.n tokens are computed      dispatch (ceil(rows / 64), ceil(T / TM), 1)

override TM: u32 = 64;         // tokens per workgroup: 16, 32, 64, or 128 where 24 KiB are shared
override K: u32 = 32;          // columns
override ADD: bool = false;
override GATED: bool = false;

// #include "lib/state.wgsl"
// #include "lib/weight.wgsl"
// #include "lib/no_bias.wgsl"
// #include "lib/silu.wgsl"

struct Params {
    rows: u32,
    width: u32,
    out_at: u32,
    hi: u32,
    sc: u32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

const WG: u32 = 256u;          // 16 x 16 threads, of 4 rows and TM / 16 tokens each
const TN: u32 = 64u;           // rows per workgroup
const QUADS: u32 = 8u;         // columns per step, four to a vec4
const TOKENS: u32 = TM / 16u;  // tokens per thread, 16 apart
const INPUTS: u32 = (TM * QUADS + WG - 1u) / WG;       // vec4 of x that a thread stages
const PAIR: u32 = select(1u, 2u, GATED);               // rows of w per row of out

// Column quad k of tile row i lies at k * (rows of the tile) + (i ^ k), so that neither the 8
// quads of one row nor the same quad of neighbouring rows meet in a memory bank. Tile row 16j + c
// of the weights is row 4c + j of w: column c of threads owns four rows that follow each other.
var<workgroup> tile_w: array<vec4<f32>, TN * QUADS>;
var<workgroup> tile_x: array<vec4<f32>, TM * QUADS>;

// What a thread brings to a step: fetched while the step before is computed.
struct Staged {
    w: array<vec4<f32>, 2>,
    x: array<vec4<f32>, INPUTS>,
}

fn fetch(first_row: u32, first_token: u32, step: u32, lane: u32) -> Staged {
    var staged = Staged();
    let i = lane / 4u;
    let row = min(first_row + (i & 15u) * 4u + i / 16u, params.rows - 1u);
    let o = row * (K / 8u) + step * 4u + (lane & 3u);
    let scale = weight_scale(o);
    let q = weight_octet(o);
    var offset = 0.0;
    if (WEIGHT_OFFSET) { offset = scale.y; }
    staged.w = array<vec4<f32>, 2>(q[0] * scale.x + offset, q[1] * scale.x + offset);
    // #unroll
    for (var j = 0u; j < INPUTS; j += 1u) {
        let e = min(lane + j * WG, TM * QUADS - 1u);
        let token = min(first_token + e / QUADS, state.n - 1u);
        staged.x[j] = x[(token * (K / 32u) + step) * QUADS + e % QUADS];
    }
    return staged;
}

fn store(staged: Staged, lane: u32) {
    let i = lane / 4u;
    let k = (lane & 3u) * 2u;
    tile_w[k * TN + (i ^ k)] = staged.w[0];
    tile_w[(k + 1u) * TN + (i ^ (k + 1u))] = staged.w[1];
    // #unroll
    for (var j = 0u; j < INPUTS; j += 1u) {
        let e = lane + j * WG;
        if (e < TM * QUADS) { tile_x[e % QUADS * TM + ((e / QUADS) ^ (e % QUADS))] = staged.x[j]; }
    }
}

fn dot_add(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_token = group.y * TM;
    if (first_token >= state.n) { return; }
    let column = lane & 15u;
    var sums = array<vec4<f32>, TOKENS>();
    var staged = fetch(group.x * TN, first_token, 0u, lane);
    for (var step = 0u; step < K / 32u; step += 1u) {
        store(staged, lane);
        workgroupBarrier();
        staged = fetch(group.x * TN, first_token, min(step + 1u, K / 32u - 1u), lane);
        for (var k = 0u; k < QUADS; k += 1u) {
            let at = k * TN + (column ^ k);
            let w0 = tile_w[at];
            let w1 = tile_w[at + 16u];
            let w2 = tile_w[at + 32u];
            let w3 = tile_w[at + 48u];
            // #unroll
            for (var m = 0u; m < TOKENS; m += 1u) {
                let a = tile_x[k * TM + m * 16u + ((lane / 16u) ^ k)];
                sums[m].x = dot_add(a, w0, sums[m].x);
                sums[m].y = dot_add(a, w1, sums[m].y);
                sums[m].z = dot_add(a, w2, sums[m].z);
                sums[m].w = dot_add(a, w3, sums[m].w);
            }
        }
        workgroupBarrier();
    }
    let first_row = group.x * TN + column * 4u;
    // #unroll
    for (var m = 0u; m < TOKENS; m += 1u) {
        let token = first_token + m * 16u + lane / 16u;
        if (token < state.n) { finish(token * params.width + params.out_at, first_row, sums[m]); }
    }
}

// Write four rows of one token, whose part of out begins at `at`.
fn finish(at: u32, first_row: u32, sums: vec4<f32>) {
    var y = sums;
    if (BIAS) {
        let stacked = params.out_at * PAIR + first_row;
        // #unroll
        for (var j = 0u; j < 4u; j += 1u) { y[j] += row_bias(stacked + j); }
    }
    // #unroll
    for (var j = 0u; j < 4u; j += PAIR) {
        if (first_row + j < params.rows) {
            var value = y[j];
            if (GATED) { value = silu(y[j]) * y[(j + 1u) & 3u]; }
            let to = at + (first_row + j) / PAIR;
            if (ADD) { value += out[to]; }
            out[to] = value;
        }
    }
}

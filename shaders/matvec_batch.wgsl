// out[t, out_at + r] = sum(w[r, :] * x[t, :]) + bias[out_at + r]    R rows x M tokens a workgroup
//
//   w (rows, K) any type   x (T, K) f32   out (T, width) f32   bias: see the options
//   options: BIAS, ADD (out += …), GATED (rows are gate 0, up 0, …: silu(row 2r) * row 2r + 1)
//   only the first state.n tokens are computed      dispatch (ceil(rows / R), ceil(T / M), 1)
// For CPUs: nothing waits for a tile. On GPUs matmul is faster, for a few tokens too.

override WG: u32 = 4;          // threads, a power of two
override R: u32 = 4;           // rows, even if GATED
override M: u32 = 16;          // tokens
override K: u32 = 32;          // columns
override ADD: bool = false;
override GATED: bool = false;

// #include "lib/state.wgsl"
// #include "lib/weight.wgsl"
// #include "lib/no_bias.wgsl"
// #include "lib/reduce_rows.wgsl"
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

const BLOCKS: u32 = K / 32u;
const SUMS: u32 = R * M;
const PAIR: u32 = select(1u, 2u, GATED);       // rows of w per row of out

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.y * M;
    if (first >= state.n) { return; }
    let row = group.x * R;
    var sums = array<f32, SUMS>();
    for (var b = lane; b < BLOCKS; b += WG) {
        var v = array<array<vec4<f32>, 8>, R>();
        // #unroll
        for (var r = 0u; r < R; r += 1u) {
            v[r] = weight_block(min(row + r, params.rows - 1u) * BLOCKS + b);
        }
        // #unroll
        for (var m = 0u; m < M; m += 1u) {
            let at = (min(first + m, state.n - 1u) * BLOCKS + b) * 8u;
            // #unroll
            for (var i = 0u; i < 8u; i += 1u) {
                let a = x[at + i];
                // #unroll
                for (var r = 0u; r < R; r += 1u) { sums[r * M + m] += dot(v[r][i], a); }
            }
        }
    }
    reduce_rows(sums, lane);
    for (var i = lane; i < R / PAIR * M; i += WG) {
        let r = i / M * PAIR;
        let token = first + i % M;
        if (row + r < params.rows && token < state.n) {
            var y = row_sum(r * M + i % M);
            if (BIAS) { y += row_bias(params.out_at * PAIR + row + r); }
            if (GATED) {
                var up = row_sum((r + 1u) * M + i % M);
                if (BIAS) { up += row_bias(params.out_at * PAIR + row + r + 1u); }
                y = silu(y) * up;
            }
            let at = token * params.width + params.out_at + (row + r) / PAIR;
            if (ADD) { y += out[at]; }
            out[at] = y;
        }
    }
}

// The operands of a product of a weight with many tokens, and where its results go.
//
//   out[t, out_at + r] = scale * biased(sum(w[r, :] * x[t, :]), out_at + r)
//   w (rows, K) any type   x (T, K) f32   out (T, width) f32   biased: lib/bias.wgsl
//   options: ADD (out += …), ACTIVATED (activate(row) before scale),
//   GATED (rows are gate 0, up 0, …: activate(row 2r) * row 2r + 1 instead)
//   only the first state.n tokens are computed

override K: u32 = 32;          // columns
override ADD: bool = false;
override GATED: bool = false;
override ACTIVATED: bool = false;

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
    scale: f32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

const PAIR: u32 = select(1u, 2u, GATED);       // rows of w per row of out

// Write what a token has of a row, unless there is no such token or row. `next` is what it has of
// the row after it, which a gated product takes along.
fn finish(token: u32, row: u32, sum: f32, next: f32) {
    if (token >= state.n || row >= params.rows) { return; }
    let r = params.out_at * PAIR + row;
    var y = biased(sum, r);
    if (GATED) { y = activate(y) * biased(next, r + 1u); }
    if (ACTIVATED) { y = activate(y); }
    y *= params.scale;
    let at = token * params.width + params.out_at + row / PAIR;
    if (ADD) { y += out[at]; }
    out[at] = y;
}

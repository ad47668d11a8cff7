// out[out_at + r] = scale * sum(w[r, :] * g * x) + bias[out_at + r]   R rows per workgroup
//
//   w (rows, K) any type   x (T, K) f32: one row of it   out f32   g, bias: see the options
//   options: NORM (g, and scale = 1 / rms(x); else 1), BIAS, ADD (out += …), LAST (x row n - 1),
//   GATED (rows are gate 0, up 0, gate 1, …: out[r] = silu(row 2r) * row 2r + 1)
//   dispatch over two dimensions, ceil(rows / R) workgroups

override WG: u32 = 64;         // threads, a power of two
override R: u32 = 4;           // rows, even if GATED
override V: u32 = 1;           // octets that a thread takes at a time: 1, 2 or 4
override K: u32 = 32;          // columns
override ADD: bool = false;
override GATED: bool = false;
override LAST: bool = false;

// #include "lib/state.wgsl"
// #include "lib/weight.wgsl"
// #include "lib/no_norm.wgsl"
// #include "lib/no_bias.wgsl"
// #include "lib/reduce_rows.wgsl"
// #include "lib/silu.wgsl"

struct Params {
    rows: u32,
    out_at: u32,
    hi: u32,
    sc: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

const OCTETS: u32 = K / 8u;
const SUMS: u32 = R + select(0u, 1u, NORM);    // the last is that of x squared
const PAIR: u32 = select(1u, 2u, GATED);       // rows of w per row of out

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = (group.x + group.y * groups.x) * R;
    var x_at = 0u;
    if (LAST) { x_at = (max(state.n, 1u) - 1u) * OCTETS * 2u; }
    var sums = array<f32, SUMS>();
    for (var i = lane * V; i < OCTETS; i += WG * V) {
        var a = array<vec4<f32>, V * 2u>();        // x (* g) of this thread's octets
        var a_sums = array<f32, V>();
        for (var v = 0u; v < V * 2u; v += 1u) {
            a[v] = x[x_at + i * 2u + v];
            if (NORM) {
                sums[SUMS - 1u] += dot(a[v], a[v]);
                a[v] *= norm_weight(i * 2u + v);
            }
            if (WEIGHT_OFFSET) { a_sums[v / 2u] += dot(a[v], vec4<f32>(1.0)); }
        }
        for (var r = 0u; r < R; r += 1u) {
            let first = min(row + r, params.rows - 1u) * OCTETS + i;
            var scale = vec2<f32>();
            for (var v = 0u; v < V; v += 1u) {
                if (v % WEIGHT_SPAN == 0u) { scale = weight_scale(first + v); }
                let q = weight_octet(first + v);
                sums[r] += scale.x * (dot(q[0], a[v * 2u]) + dot(q[1], a[v * 2u + 1u]));
                if (WEIGHT_OFFSET) { sums[r] += scale.y * a_sums[v]; }
            }
        }
    }
    let stride = reduce_rows(sums, lane);
    if (lane < R / PAIR && row + lane * PAIR < params.rows) {
        var scale = 1.0;
        if (NORM) { scale = inverseSqrt(row_sum(SUMS - 1u, stride) / f32(K) + params.eps); }
        let first = lane * PAIR;
        var y = row_sum(first, stride) * scale;
        if (BIAS) { y += row_bias(params.out_at * PAIR + row + first); }
        if (GATED) {
            var up = row_sum(first + 1u, stride) * scale;
            if (BIAS) { up += row_bias(params.out_at * PAIR + row + first + 1u); }
            y = silu(y) * up;
        }
        let at = params.out_at + row / PAIR + lane;
        if (ADD) { y += out[at]; }
        out[at] = y;
    }
}

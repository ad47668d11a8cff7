// out[out_at + r] = scale * (m * sum(w[r, :] * g * x) + bias[out_at + r])
//
//   w (rows, K) any type   x (K,) f32   out f32   g, bias: see the options
//   options: NORM (g, and m = 1 / rms(x); else 1), BIAS, ADD (out += …),
//   ACTIVATED (activate(row) before scale),
//   GATED (rows are gate 0, up 0, gate 1, …: activate(row 2r) * row 2r + 1 instead)
//   dispatch over two dimensions, ceil(rows / (R TEAMS)) workgroups

override WG: u32 = 32;         // threads, a power of two
override TEAMS: u32 = 1;       // parts of the threads, each with rows of its own: if K is small
override R: u32 = 4;           // rows of a team; a workgroup's are even if GATED
override K: u32 = 32;          // columns
override ADD: bool = false;
override GATED: bool = false;
override ACTIVATED: bool = false;
override STAGED: bool = false; // share 128 HELD bytes to read x in order

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
    scale: f32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

const BLOCKS: u32 = K / 32u;
const LANES: u32 = WG / TEAMS;                 // threads of a row
const ROWS: u32 = R * TEAMS;                   // of a workgroup
const STEPS: u32 = select(1u, (BLOCKS + LANES - 1u) / LANES, TEAMS > 1u);
const HELD: u32 = LANES * STEPS;               // blocks of x at a time; all of them for teams
const SUMS: u32 = R + select(0u, 1u, NORM);    // the last is that of x squared
const PAIR: u32 = select(1u, 2u, GATED);       // rows of w per row of out

// A thread takes a block, so that scales are computed once for 32 weights. Its reads of x would lie
// 128 bytes from those of its neighbours: so the threads read x in order and swap it here.
var<workgroup> staged: array<vec4<f32>, select(1u, HELD * 8u, STAGED)>;
var<private> squares: f32;

// Where vec4 i of block l lies: neither equal i nor equal l meet in a memory bank.
fn slot(l: u32, i: u32) -> u32 { return l * 8u + (i ^ (l & 7u)); }

// vec4 i of x (* g); its square is counted.
fn weighted(i: u32) -> vec4<f32> {
    let v = x[i];
    if (!NORM) { return v; }
    squares += dot(v, v);
    return v * norm_weight(i);
}

fn stage(first: u32, lane: u32) {
    // #unroll
    for (var j = 0u; j < (HELD * 8u + WG - 1u) / WG; j += 1u) {
        let e = lane + j * WG;
        if (first + e / 8u < min(first + HELD, BLOCKS)) {
            staged[slot(e / 8u, e & 7u)] = weighted(first * 8u + e);
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_row = (group.x + group.y * groups.x) * ROWS;
    var row = first_row;
    if (TEAMS > 1u) { row += lane / LANES * R; }
    var sums = array<f32, SUMS>();
    for (var first = 0u; first < BLOCKS; first += HELD) {
        if (STAGED) { stage(first, lane); }
        for (var s = 0u; s < STEPS; s += 1u) {
            var l = lane;
            if (TEAMS > 1u) { l = s * LANES + lane % LANES; }
            let b = first + l;
            if (b < BLOCKS) {
                var a = array<vec4<f32>, 8>();         // x (* g) of this thread's block
                var totals = array<f32, WEIGHT_SPANS>();
                // #unroll
                for (var i = 0u; i < 8u; i += 1u) {
                    if (STAGED) {
                        a[i] = staged[slot(l, i)];
                    } else {
                        a[i] = weighted(b * 8u + i);
                    }
                    if (WEIGHT_OFFSET) {
                        totals[i / 2u / WEIGHT_SPAN] += dot(a[i], vec4<f32>(1.0));
                    }
                }
                // #unroll
                for (var r = 0u; r < R; r += 1u) {
                    sums[r] += weight_dot(min(row + r, params.rows - 1u) * BLOCKS + b, a, totals);
                }
            }
        }
        if (STAGED) { workgroupBarrier(); }
    }
    // Each team has read all of x by itself, unless it was staged.
    if (NORM) { sums[SUMS - 1u] = squares / select(f32(TEAMS), 1.0, STAGED); }
    reduce_rows(sums, lane);
    var magnitude = 1.0;
    if (NORM) { magnitude = inverseSqrt(row_sum(ROWS) / f32(K) + params.eps); }
    for (var i = lane; i < ROWS / PAIR && first_row + i * PAIR < params.rows; i += WG) {
        let first = i * PAIR;
        var y = row_sum(first) * magnitude;
        if (BIAS) { y += row_bias(params.out_at * PAIR + first_row + first); }
        if (GATED) {
            var up = row_sum(first + 1u) * magnitude;
            if (BIAS) { up += row_bias(params.out_at * PAIR + first_row + first + 1u); }
            y = activate(y) * up;
        }
        if (ACTIVATED) { y = activate(y); }
        y *= params.scale;
        let at = params.out_at + first_row / PAIR + i;
        if (ADD) { y += out[at]; }
        out[at] = y;
    }
}

// out[out_at + r] = scale * biased(m * sum(w[r, :] * g * x), out_at + r)     R rows per team
//
//   w (rows, K) any type   x (K,) f32   out f32   g: see the options   biased: lib/bias.wgsl
//   options: NORM (g, and m = 1 / rms(x); else 1), ADD (out += …),
//   ACTIVATED (activate(row) before scale),
//   GATED (rows are gate 0, up 0, gate 1, …: activate(row 2r) * row 2r + 1 instead)
//   dispatch over two dimensions, ceil(rows / (R * TEAMS)) workgroups

override WG: u32 = 32;         // threads, a power of two
override TEAMS: u32 = 1;       // parts of a workgroup, each with rows of its own; 1 if not STAGED
override R: u32 = 4;           // rows of a team, even if GATED
override K: u32 = 32;          // columns
override ADD: bool = false;
override GATED: bool = false;
override ACTIVATED: bool = false;
override STAGED: bool = false; // share 128 CHUNK bytes to read x in order

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

const TEAM: u32 = WG / TEAMS;  // threads
const BLOCKS: u32 = K / 32u;
const SUMS: u32 = R + select(0u, 1u, NORM);    // the last is that of x squared
const PAIR: u32 = select(1u, 2u, GATED);       // rows of w per row of out

// A thread takes a block, so that scales are computed once for 32 weights. Its reads of x would lie
// 128 bytes from those of its neighbours: so the threads read x in order and swap it here. Teams
// share it: x and its norm come from memory once for all of their rows.
const CHUNK: u32 = select(
    WG,
    min(max(TEAM, 64u), (BLOCKS + TEAM - 1u) / TEAM * TEAM),
    TEAMS > 1u,
);                             // blocks at a time
var<workgroup> staged: array<vec4<f32>, select(1u, CHUNK * 8u, STAGED)>;
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
    for (var j = 0u; j < (CHUNK * 8u + WG - 1u) / WG; j += 1u) {
        let e = lane + j * WG;
        if (first + e / 8u < min(first + CHUNK, BLOCKS)) {
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
    weight_begin(lane);
    let team = lane / TEAM;
    let member = lane % TEAM;
    let row = ((group.x + group.y * groups.x) * TEAMS + team) * R;
    var sums = array<f32, SUMS>();
    var begins = array<u32, R>();              // of these rows, in blocks
    // #unroll
    for (var r = 0u; r < R; r += 1u) { begins[r] = min(row + r, params.rows - 1u) * BLOCKS; }
    for (var first = 0u; first < BLOCKS; first += CHUNK) {
        if (STAGED) { stage(first, lane); }
        // #unroll
        for (var turn = 0u; turn < CHUNK / TEAM; turn += 1u) {
            let l = turn * TEAM + member;
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
                    sums[r] += weight_dot(begins[r] + b, a, totals);
                }
            }
        }
        if (STAGED) { workgroupBarrier(); }
    }
    if (NORM) { sums[SUMS - 1u] = squares; }
    reduce_rows(sums, lane);
    var magnitude = 1.0;
    if (NORM) {
        var total = 0.0;
        for (var t = 0u; t < TEAMS; t += 1u) { total += row_sum(SUMS - 1u, t); }
        magnitude = inverseSqrt(total / f32(K) + params.eps);
    }
    for (var i = member; i < R / PAIR && row + i * PAIR < params.rows; i += TEAM) {
        let first = i * PAIR;
        let r = params.out_at * PAIR + row + first;
        var y = biased(row_sum(first, team) * magnitude, r);
        if (GATED) {
            y = activate(y) * biased(row_sum(first + 1u, team) * magnitude, r + 1u);
        }
        if (ACTIVATED) { y = activate(y); }
        y *= params.scale;
        let at = params.out_at + row / PAIR + i;
        if (ADD) { y += out[at]; }
        out[at] = y;
    }
}

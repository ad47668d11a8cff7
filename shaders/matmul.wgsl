// A product of lib/product.wgsl in tiles: TM tokens x 64 rows a workgroup
//
//   dispatch (ceil(rows / 64), ceil(T / TM), 1)

override TM: u32 = 32;         // tokens: 16, 32, 64 or 128

// #include "lib/product.wgsl"

const WG: u32 = 256u;          // 16 x 16 threads, of 4 rows and TM / 16 tokens each
const TN: u32 = 64u;           // rows
const QUADS: u32 = 8u;         // columns per step, four to a vec4
const TOKENS: u32 = TM / 16u;  // tokens per thread, 16 apart
const INPUTS: u32 = (TM * QUADS + WG - 1u) / WG;       // vec4 of x that a thread stages

// Quad k of tile row i lies at k * (rows of the tile + 1) + i, so that neither the 8 quads of one
// row nor the same quad of neighbouring rows meet in a memory bank. Tile row 16j + c of the
// weights is row 4c + j of w: column c of threads owns four rows that follow each other.
const LINE_W: u32 = TN + 1u;
const LINE_X: u32 = TM + 1u;
var<workgroup> tile_w: array<vec4<f32>, LINE_W * QUADS>;
var<workgroup> tile_x: array<vec4<f32>, LINE_X * QUADS>;

// What a thread brings to a step: fetched while the step before is computed.
struct Staged {
    w: array<vec4<f32>, 2>,
    x: array<vec4<f32>, INPUTS>,
}

fn fetch(first_row: u32, first_token: u32, step: u32, lane: u32) -> Staged {
    var staged = Staged();
    let i = lane / 4u;
    let row = min(first_row + (i & 15u) * 4u + i / 16u, params.rows - 1u);
    staged.w = weight_eight(row * (K / 8u) + step * 4u + (lane & 3u));
    // #unroll
    for (var j = 0u; j < INPUTS; j += 1u) {
        let e = min(lane + j * WG, TM * QUADS - 1u);
        let token = min(first_token + e / QUADS, state.n - 1u);
        staged.x[j] = x[(token * (K / 32u) + step) * QUADS + e % QUADS];
    }
    return staged;
}

fn store(staged: Staged, lane: u32) {
    let at = (lane & 3u) * 2u * LINE_W + lane / 4u;
    tile_w[at] = staged.w[0];
    tile_w[at + LINE_W] = staged.w[1];
    // #unroll
    for (var j = 0u; j < INPUTS; j += 1u) {
        let e = lane + j * WG;
        if (e < TM * QUADS) { tile_x[e % QUADS * LINE_X + e / QUADS] = staged.x[j]; }
    }
}

fn dot_add(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    weight_begin(lane);
    let first_token = group.y * TM;
    if (first_token >= state.n) { return; }
    let column = lane & 15u;
    let line = lane / 16u;
    var sums = array<vec4<f32>, TOKENS>();
    var staged = fetch(group.x * TN, first_token, 0u, lane);
    for (var step = 0u; step < K / 32u; step += 1u) {
        store(staged, lane);
        workgroupBarrier();
        staged = fetch(group.x * TN, first_token, min(step + 1u, K / 32u - 1u), lane);
        // #unroll
        for (var k = 0u; k < QUADS; k += 1u) {
            let at = k * LINE_W + column;
            let w0 = tile_w[at];
            let w1 = tile_w[at + 16u];
            let w2 = tile_w[at + 32u];
            let w3 = tile_w[at + 48u];
            // #unroll
            for (var m = 0u; m < TOKENS; m += 1u) {
                let a = tile_x[k * LINE_X + m * 16u + line];
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
        // #unroll
        for (var j = 0u; j < 4u; j += PAIR) {
            finish(first_token + m * 16u + line, first_row + j, sums[m][j], sums[m][(j + 1u) % 4u]);
        }
    }
}

// A product of lib/product.wgsl for CPUs: R rows x M tokens a workgroup
//
//   dispatch (x, ceil(T / M), z) with x z >= ceil(rows / R): a dimension may be too short
// Nothing waits for a tile. On GPUs matmul is faster, for a few tokens too.

override WG: u32 = 4;          // threads, a power of two
override R: u32 = 4;           // rows, even if GATED
override M: u32 = 16;          // tokens

// #include "lib/product.wgsl"
// #include "lib/reduce_rows.wgsl"

const BLOCKS: u32 = K / 32u;
const SUMS: u32 = R * M;
const TEAM: u32 = WG;

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    weight_begin(lane);
    let first = group.y * M;
    if (first >= state.n) { return; }
    let row = (group.x + group.z * groups.x) * R;
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
        let m = i % M;
        let r = i / M * PAIR;
        finish(first + m, row + r, row_sum(r * M + m, 0u), row_sum((r + PAIR - 1u) * M + m, 0u));
    }
}

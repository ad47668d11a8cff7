// A product of lib/product.wgsl by subgroup matrices, halves in and f32 out: TM x TN a workgroup
//
//   dispatch (ceil(rows / TN), ceil(T / TM), 1)
// For subgroups of 32 that multiply 16 x 16 x 16 (gpuweb's proposal subgroup-matrix, a draft).

enable f16;
enable chromium_experimental_subgroup_matrix;
requires buffer_view;
// Subgroups are numbered by their threads: up to 1.3 times as fast as with subgroup_id (H200).
diagnostic(off, chromium.subgroup_matrix_uniformity);

override TM: u32 = 64;         // tokens, a multiple of 32
override TN: u32 = 64;         // rows, a multiple of 32

// #include "lib/product.wgsl"
// #include "lib/halves.wgsl"

const WG: u32 = 128u;          // 2 x 2 subgroups, of TM / 2 tokens and TN / 2 rows each
const SIZE: u32 = 16u;         // of a matrix
const ACROSS: u32 = TM / 32u;  // matrices of a subgroup along the tokens
const DOWN: u32 = TN / 32u;    // and along the rows
const STEP: u32 = select(32u, 64u, K % 64u == 0u && TM + TN < 256u);   // columns
const OCTETS: u32 = STEP / 8u;
const WEIGHTS: u32 = TN * OCTETS / WG;     // octets of w that a thread stages
const INPUTS: u32 = TM * OCTETS / WG;      // and of x

// Lines of halves, an octet to a vec4<u32>: first of TN rows, then of TM tokens. An octet is left
// out after each line, so that the matrices' rows do not meet in a memory bank.
const LINE: u32 = OCTETS + 1u;
const LINES: u32 = TN + TM;
const LENGTH: u32 = DOWN * SIZE * SIZE;    // of a subgroup's line of matrices
// Afterwards a line of matrices of each subgroup, on its way out.
var<workgroup> tiles: buffer<LINES * LINE * 16u>;

// What a thread brings to a step: fetched while the step before is computed.
struct Staged {
    w: array<vec4<u32>, WEIGHTS>,
    x: array<vec4<u32>, INPUTS>,
}

// Of weights, which are in range; lib/halves.wgsl holds x there.
fn packed(v: array<vec4<f32>, 2>) -> vec4<u32> {
    return vec4<u32>(pack2x16float(v[0].xy), pack2x16float(v[0].zw),
        pack2x16float(v[1].xy), pack2x16float(v[1].zw));
}

fn fetch(first_row: u32, first_token: u32, step: u32, lane: u32) -> Staged {
    var staged = Staged();
    // #unroll
    for (var j = 0u; j < WEIGHTS; j += 1u) {
        let e = lane + j * WG;
        let row = min(first_row + e / OCTETS, params.rows - 1u);
        staged.w[j] = packed(weight_eight(row * (K / 8u) + step * OCTETS + e % OCTETS));
    }
    // #unroll
    for (var j = 0u; j < INPUTS; j += 1u) {
        let e = lane + j * WG;
        let token = min(first_token + e / OCTETS, state.n - 1u);
        let at = (token * (K / 8u) + step * OCTETS + e % OCTETS) * 2u;
        staged.x[j] = halves8(x[at], x[at + 1u]);
    }
    return staged;
}

fn store(staged: Staged, lane: u32) {
    let octets = bufferView<array<vec4<u32>, LINES * LINE>>(&tiles, 0);
    // #unroll
    for (var j = 0u; j < WEIGHTS; j += 1u) {
        let e = lane + j * WG;
        octets[e / OCTETS * LINE + e % OCTETS] = staged.w[j];
    }
    // #unroll
    for (var j = 0u; j < INPUTS; j += 1u) {
        let e = lane + j * WG;
        octets[(TN + e / OCTETS) * LINE + e % OCTETS] = staged.x[j];
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    weight_begin(lane);
    let first_token = group.y * TM;
    if (first_token >= state.n) { return; }
    let subgroup = lane / 32u;
    let token = subgroup % 2u * (TM / 2u);
    let row = subgroup / 2u * (TN / 2u);
    let view = bufferView<array<f16, LINES * LINE * 8u>>(&tiles, 0);
    var sums = array<subgroup_matrix_result<f32, SIZE, SIZE>, ACROSS * DOWN>();
    var staged = fetch(group.x * TN, first_token, 0u, lane);
    for (var step = 0u; step < K / STEP; step += 1u) {
        store(staged, lane);
        workgroupBarrier();
        staged = fetch(group.x * TN, first_token, min(step + 1u, K / STEP - 1u), lane);
        // #unroll
        for (var k = 0u; k < STEP; k += SIZE) {
            var b = array<subgroup_matrix_right<f16, SIZE, SIZE>, DOWN>();
            // #unroll
            for (var j = 0u; j < DOWN; j += 1u) {
                b[j] = subgroupMatrixLoad<subgroup_matrix_right<f16, SIZE, SIZE>, col_major>(
                    view, (row + j * SIZE) * LINE * 8u + k, LINE * 8u);
            }
            // #unroll
            for (var i = 0u; i < ACROSS; i += 1u) {
                let a = subgroupMatrixLoad<subgroup_matrix_left<f16, SIZE, SIZE>, row_major>(
                    view, (TN + token + i * SIZE) * LINE * 8u + k, LINE * 8u);
                // #unroll
                for (var j = 0u; j < DOWN; j += 1u) {
                    let at = i * DOWN + j;
                    sums[at] = subgroupMatrixMultiplyAccumulate(a, b[j], sums[at]);
                }
            }
        }
        workgroupBarrier();
    }
    let results = bufferView<array<f32, LINES * LINE * 4u>>(&tiles, 0);
    // #unroll
    for (var i = 0u; i < ACROSS; i += 1u) {
        // #unroll
        for (var j = 0u; j < DOWN; j += 1u) {
            subgroupMatrixStore<row_major>(
                results, subgroup * LENGTH + j * SIZE, sums[i * DOWN + j], DOWN * SIZE);
        }
        workgroupBarrier();
        give(first_token + token + i * SIZE, group.x * TN + row, lane);
        workgroupBarrier();
    }
}

// Write the lines of SIZE tokens, of which the threads of a subgroup take turns at the rows.
fn give(first_token: u32, first_row: u32, lane: u32) {
    let results = bufferView<array<f32, LINES * LINE * 4u>>(&tiles, 0);
    for (var e = lane % 32u * PAIR; e < LENGTH; e += 32u * PAIR) {
        let at = lane / 32u * LENGTH + e;
        finish(first_token + e / (DOWN * SIZE), first_row + e % (DOWN * SIZE),
            results[at], results[at + PAIR - 1u]);
    }
}

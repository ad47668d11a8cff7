// out[t, :] = scale * row tokens[t] of a weight, as floats          one workgroup per token
//
//   w  rows first_row … first_row + rows - 1, K columns, any type      tokens (T,) u32
//   out  (T, K) f32: row t is written only if t < state.n and w holds the row of its token
//   dispatch (T, 1, 1)

override WG: u32 = 64;         // threads per row
override K: u32 = 32;          // columns

// #include "lib/state.wgsl"
// #include "lib/weight.wgsl"

struct Params {
    first_row: u32,
    rows: u32,
    hi: u32,
    sc: u32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

const OCTETS: u32 = K / 8u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    weight_begin(lane);
    if (group.x >= state.n) { return; }
    let row = tokens[group.x] - params.first_row;
    if (row >= params.rows) { return; }
    for (var i = lane; i < OCTETS; i += WG) {
        let v = weight_eight(row * OCTETS + i);
        let at = (group.x * OCTETS + i) * 2u;
        out[at] = v[0] * params.scale;
        out[at + 1u] = v[1] * params.scale;
    }
}

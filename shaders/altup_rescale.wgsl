// Streams made of one, or one of all; each projection is brought to the magnitude of `own`.
//
//   own (T, C), projected (T, N - 1, C) f32      u[i] = projected[i] * |own| / |projected[i]|
//   out  (N, stride): own, u[0], u[1], … of each token;   MERGE: (T, C): the mean of all N
//   dispatch (T, 1, 1); only the first state.n tokens

override WG: u32 = 128;        // threads per token, a power of two
override C: u32 = 1;
override N: u32 = 4;
override MERGE: bool = false;

// #include "lib/state.wgsl"
// #include "lib/reduce.wgsl"

struct Params {
    stride: u32,
}

@group(0) @binding(0) var<storage, read> own: array<f32>;
@group(0) @binding(1) var<storage, read> projected: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> state: State;
@group(0) @binding(4) var<uniform> params: Params;

const LEAST: f32 = 1e-5;       // of a mean square that is divided by

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    if (group.x >= state.n) { return; }
    let row = group.x * C;
    var sum = 0.0;
    for (var i = lane; i < C; i += WG) {
        sum += own[row + i] * own[row + i];
        out[row + i] = own[row + i];
    }
    let wanted = reduce_sum(sum, lane) / f32(C);
    for (var n = 0u; n < N - 1u; n += 1u) {
        let at = row * (N - 1u) + n * C;
        sum = 0.0;
        for (var i = lane; i < C; i += WG) { sum += projected[at + i] * projected[at + i]; }
        let scale = sqrt(wanted / max(reduce_sum(sum, lane) / f32(C), LEAST));
        for (var i = lane; i < C; i += WG) {
            let u = projected[at + i] * scale;
            if (MERGE) {
                out[row + i] += u;
            } else {
                out[(n + 1u) * params.stride + row + i] = u;
            }
        }
    }
    if (MERGE) {
        for (var i = lane; i < C; i += WG) { out[row + i] /= f32(N); }
    }
}

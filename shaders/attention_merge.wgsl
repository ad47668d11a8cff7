// out[h, :] = sum over splits of exp(max[s] - max) sum[s, h, :]  /  the same sum of the weights
//
//   partial  (splits, H, D) sums, then (splits, H) (max, weight), from attention_decode
//   out      (H, D) f32
//   dispatch (H, 1, 1)

override D: u32 = 64;
override H: u32 = 1;
override WG: u32 = 64;

struct Params {
    splits: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let stats = params.splits * H * D + group.x * 2u;
    var top = -1e30;
    for (var s = 0u; s < params.splits; s++) { top = max(top, partial[stats + s * H * 2u]); }
    var weight = 0.0;
    for (var s = 0u; s < params.splits; s++) {
        let at = stats + s * H * 2u;
        weight += exp(partial[at] - top) * partial[at + 1u];
    }
    for (var d = lane; d < D; d += WG) {
        var sum = 0.0;
        for (var s = 0u; s < params.splits; s++) {
            let scale = exp(partial[stats + s * H * 2u] - top);
            sum += scale * partial[(s * H + group.x) * D + d];
        }
        out[group.x * D + d] = sum / weight;
    }
}

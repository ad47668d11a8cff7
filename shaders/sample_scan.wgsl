// logits[v] = (penalised logits[v] + bias[v]) / temperature, and each slice's maximum and weight.
//
//   logits (V,) f32, in place      bias (V,) f32      counts (V,) u32      V is divided in slices
//   parts (groups, 3) u32: bits of the maximum, its index, bits of the sum of exp(logit - maximum)
//   dispatch (groups, 1, 1)
// Penalties: repetition (Keskar et al., arXiv 1909.05858) over prompt and reply, presence and
// frequency (OpenAI) over the reply.

override V: u32 = 1;
override GROUPS: u32 = 64;

const WG: u32 = 256;
const SLICE: u32 = (V + GROUPS - 1u) / GROUPS;

// #include "lib/sampling.wgsl"
// #include "lib/argmax.wgsl"
// #include "lib/reduce.wgsl"

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> parts: array<u32>;
@group(0) @binding(4) var<uniform> sampling: Sampling;

fn adjusted(v: u32) -> f32 {
    var z = logits[v];
    if (sampling.penalties == 1u) {
        let count = counts[v];
        let times = f32(count & ~IN_PROMPT);
        if (count != 0u) {
            z = select(z / sampling.repetition, z * sampling.repetition, z < 0.0);
        }
        z -= select(0.0, sampling.presence, times > 0.0) + times * sampling.frequency;
    }
    z += bias[v];
    return select(z * sampling.inverse_temperature, z, sampling.inverse_temperature == 0.0);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let end = min((group.x + 1u) * SLICE, V);
    var best = Best(-3.4e38, V);
    for (var v = group.x * SLICE + lane; v < end; v += WG) {
        let z = adjusted(v);
        logits[v] = z;
        best = better(best, Best(z, v));
    }
    best = argmax(best, lane);
    var sum = 0.0;
    for (var v = group.x * SLICE + lane; v < end; v += WG) { sum += exp(logits[v] - best.value); }
    sum = reduce_sum(sum, lane);
    if (lane == 0u) {
        parts[group.x * 3u] = bitcast<u32>(best.value);
        parts[group.x * 3u + 1u] = best.index;
        parts[group.x * 3u + 2u] = bitcast<u32>(sum);
    }
}

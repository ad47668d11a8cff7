// Choose the next token and make the state ready for the step that follows.
//
//   logits (V,) f32 and parts (GROUPS, 3) u32 from sample_scan      counts (V,) u32
//   tokens[0] = the token      ring[step % RING] = (token, bits of its log probability)
//   state.n = 1, the token; 0 from one on that ends the reply, and the steps under way do nothing
//   dispatch (1, 1, 1)
// Top-k, then top-p of what is left, then min-p: each keeps the tokens whose logit is within some
// distance of the largest, so one search over distances serves all. Its keys are distances in
// 2^-19 steps up to 32, and mass is counted in 2^-30 steps. Equal keys are kept or cut together.
// The draw is an argmax over logit + Gumbel noise (Maddison et al., arXiv 1411.0030).

override V: u32 = 1;
override GROUPS: u32 = 64;
override RING: u32 = 64;

const WG: u32 = 256;
const ALL: u32 = 0xFFFFFFFFu;

// #include "lib/state.wgsl"
// #include "lib/sampling.wgsl"
// #include "lib/argmax.wgsl"
// #include "lib/random.wgsl"
// #include "lib/no_stops.wgsl"

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> parts: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(4) var<storage, read_write> ring: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> state: State;
@group(0) @binding(6) var<uniform> sampling: Sampling;

var<workgroup> number: array<atomic<u32>, WG>;
var<workgroup> mass: array<atomic<u32>, WG>;
var<workgroup> running: array<u32, WG>;
var<workgroup> found: vec2<u32>;          // bin, and what lies before it

fn key(z: f32, top: f32) -> u32 {
    return u32(clamp(top - z, 0.0, 31.99999) * 134217728.0);      // 2^27
}

// running[i] = sum of running[0 … i]
fn accumulate(lane: u32) {
    for (var step = 1u; step < WG; step *= 2u) {
        workgroupBarrier();
        let add = select(0u, running[max(lane, step) - step], lane >= step);
        workgroupBarrier();
        running[lane] += add;
    }
    workgroupBarrier();
}

// The smallest key whose tokens, with all nearer ones, reach `goal` in number or in mass, as
// 24 bits with all ones below.
fn reach(goal: u32, by_mass: bool, limit: u32, top: f32, scale: f32, lane: u32) -> u32 {
    var prefix = 0u;
    var before = 0u;
    for (var shift = 24u; shift >= 8u; shift -= 8u) {
        atomicStore(&number[lane], 0u);
        atomicStore(&mass[lane], 0u);
        workgroupBarrier();
        for (var v = lane; v < V; v += WG) {
            let z = logits[v];
            let k = key(z, top);
            let same = shift == 24u || (k >> (shift + 8u)) == (prefix >> (shift + 8u));
            if (same && k <= limit) {
                let bin = (k >> shift) & 255u;
                if (by_mass) {
                    atomicAdd(&mass[bin], u32(exp(z - top) * scale));
                } else {
                    atomicAdd(&number[bin], 1u);
                }
            }
        }
        workgroupBarrier();
        let mine = select(atomicLoad(&number[lane]), atomicLoad(&mass[lane]), by_mass);
        running[lane] = mine;
        if (lane == 0u) { found = vec2<u32>(255u, ALL); }
        accumulate(lane);
        let through = before + running[lane];
        if (through >= goal && through - mine < goal) {
            found = vec2<u32>(lane, through - mine);
        }
        let bin = workgroupUniformLoad(&found);
        if (bin.y == ALL) { return limit; }          // fewer than asked for: all are kept
        prefix |= bin.x << shift;
        before = bin.y;
    }
    return min(prefix | 255u, limit);
}

// mass of the tokens up to a key, in units of 1 / scale
fn kept_mass(limit: u32, top: f32, scale: f32, lane: u32) -> u32 {
    var sum = 0u;
    for (var v = lane; v < V; v += WG) {
        let z = logits[v];
        if (key(z, top) <= limit) { sum += u32(exp(z - top) * scale); }
    }
    running[lane] = sum;
    accumulate(lane);
    let total = running[WG - 1u];
    workgroupBarrier();
    return total;
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
    var best = Best(-3.4e38, V);
    if (lane < GROUPS) {
        best = Best(bitcast<f32>(parts[lane * 3u]), parts[lane * 3u + 1u]);
    }
    best = argmax(best, lane);
    let top = best.value;
    var total = 0.0;
    for (var i = 0u; i < GROUPS; i++) {
        total += exp(bitcast<f32>(parts[i * 3u]) - top) * bitcast<f32>(parts[i * 3u + 2u]);
    }

    if (sampling.inverse_temperature != 0.0) {
        let scale = 1073741824.0 / total;                         // 2^30
        var cut = ALL;
        if (sampling.top_k > 0u && sampling.top_k < V) {
            cut = reach(sampling.top_k, false, cut, top, scale, lane);
        }
        if (sampling.top_p < 1.0) {
            let share = f32(kept_mass(cut, top, scale, lane)) * sampling.top_p;
            cut = reach(max(u32(share), 1u), true, cut, top, scale, lane);
        }
        if (sampling.min_p_distance < 32.0) { cut = min(cut, key(-sampling.min_p_distance, 0.0)); }
        best = Best(-3.4e38, V);
        for (var v = lane; v < V; v += WG) {
            let z = logits[v];
            if (key(z, top) <= cut) {
                best = better(best, Best(z + gumbel(state.seed, state.step, v), v));
            }
        }
        best = argmax(best, lane);
    }
    storageBarrier();
    if (lane == 0u) {
        let chosen = min(best.index, V - 1u);
        let log_probability = logits[chosen] - top - log(total);
        ring[state.step % RING] = vec2<u32>(chosen, bitcast<u32>(log_probability));
        tokens[0] = chosen;
        counts[chosen] += 1u;
        state.pos += state.n;
        state.n = select(1u, 0u, state.n == 0u || ends(chosen));
        state.step += 1u;
    }
}

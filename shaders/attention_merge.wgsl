// out[h, :] = sum over splits of exp(max[s] - max) sum[s, h, :]  /  the same sum of the weights
//
//   partial  (splits, H, D) sums, then (splits, H) (max, weight), from attention_decode
//   out      (H, D) f32
//   dispatch (H, 1, 1)
// Teams of D/4 threads share the splits, and each keeps sums of its own, as attention itself does.

override D: u32 = 64;
override H: u32 = 1;
override WG: u32 = 128;        // at least D / 4

const L: u32 = D / 4u;
const TEAMS: u32 = WG / L;
const AHEAD: u32 = 4;          // splits that a thread asks for at once

struct Params {
    splits: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<vec4<f32>, TEAMS * L>;
var<workgroup> stats: array<vec2<f32>, TEAMS>;

// (max, weight) of a split of head h
fn stat(h: u32, split: u32) -> vec2<f32> {
    let at = split * H + h;
    let both = partial[params.splits * H * L + at / 2u];
    return select(both.xy, both.zw, at % 2u == 1u);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let team = lane / L;
    var top = -1e30;
    var weight = 0.0;
    var sum = vec4<f32>();
    if (team < TEAMS) {
        for (var first = team; first < params.splits; first += TEAMS * AHEAD) {
            var w = array<vec4<f32>, AHEAD>();
            var s = array<vec2<f32>, AHEAD>();
            // #unroll
            for (var j = 0u; j < AHEAD; j += 1u) {
                let split = first + j * TEAMS;
                s[j] = vec2<f32>(-1e30, 0.0);
                if (split < params.splits) {
                    s[j] = stat(group.x, split);
                    w[j] = partial[(split * H + group.x) * L + lane % L];
                }
            }
            let before = top;
            // #unroll
            for (var j = 0u; j < AHEAD; j += 1u) { top = max(top, s[j].x); }
            let kept = exp(before - top);
            weight *= kept;
            sum *= kept;
            // #unroll
            for (var j = 0u; j < AHEAD; j += 1u) {
                let scale = exp(s[j].x - top);
                weight += scale * s[j].y;
                sum += scale * w[j];
            }
        }
        sums[lane] = sum;
        if (lane % L == 0u) { stats[team] = vec2<f32>(top, weight); }
    }
    workgroupBarrier();
    if (lane < L) {
        // #unroll
        for (var t = 1u; t < TEAMS; t += 1u) { top = max(top, stats[t].x); }
        var whole = 0.0;
        var result = vec4<f32>();
        // #unroll
        for (var t = 0u; t < TEAMS; t += 1u) {
            let scale = exp(stats[t].x - top);
            whole += scale * stats[t].y;
            result += scale * sums[t * L + lane];
        }
        out[group.x * L + lane] = result / whole;
    }
}

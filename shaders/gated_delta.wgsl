// The gated delta rule (Yang et al., arXiv 2412.06464) over a call's tokens, then its gated norm.
//
//   head h with its own memory M (D keys, D values) and key head h % K, for each token in turn:
//     q, k = q / |q| / sqrt(D), k / |k|      beta = sigmoid(beta)      g = a * softplus(alpha + dt)
//     M = exp(g) M;   M += k (beta (v - kT M))T;   o = qT M;   out = o / rms(o) * norm * silu(z)
//   qkv (T, (2 K + H) D) f32: q, k, v      x (T, W) f32: from column Z on z (H, D), alpha, beta (H)
//   rates (2, H) f32: a, dt      norm (D,) f32      out (T, H, D) f32: state.n rows are written
//   memory (H, D / 4, D, 4) f32, in place: four keys of a value lie together; zeros at position 0
//   dispatch (H, 1, 1)

override D: u32 = 128;         // head size, a multiple of 8 up to 256
override K: u32 = 1;           // key heads
override H: u32 = 1;           // value heads
override W: u32 = 1;           // columns of x
override Z: u32 = 0;
override LANES: u32 = 1;       // threads that share a column of M; divides D / 4

const WG: u32 = D * LANES;
const QUADS: u32 = D / 4u;             // vectors of a head
const OWN: u32 = QUADS / LANES;        // and of a thread's part of a column
const TILE: u32 = min(768u / D, 8u);   // tokens that are fetched at once

// #include "lib/state.wgsl"
// #include "lib/sigmoid.wgsl"
// #include "lib/silu.wgsl"
// #include "lib/softplus.wgsl"

struct Params {
    eps: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> rates: array<f32>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> memory: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<uniform> state: State;
@group(0) @binding(7) var<uniform> params: Params;

struct Token {
    decay: f32,    // exp(g)
    beta: f32,
    key: f32,      // 1 / |k|
    query: f32,    // 1 / |q| / sqrt(D)
    both: f32,     // q k
}

var<workgroup> queries: array<vec4<f32>, TILE * QUADS>;      // as they come, not normed
var<workgroup> keys: array<vec4<f32>, TILE * QUADS>;
var<workgroup> values: array<f32, TILE * D>;                 // v, and in its place o
var<workgroup> tokens: array<Token, TILE>;
var<workgroup> sums: array<vec3<f32>, TILE * 16u>;           // 16 parts of each token's
var<workgroup> parts: array<vec2<f32>, 2u * WG>;             // in turns, so that one barrier does

fn fetch(begin: u32, n: u32, head: u32, lane: u32) {
    workgroupBarrier();
    for (var i = lane; i < n * QUADS; i += WG) {
        let row = (begin + i / QUADS) * (2u * K + H) * QUADS + i % QUADS;
        queries[i] = qkv[row + head % K * QUADS];
        keys[i] = qkv[row + (K + head % K) * QUADS];
        let v = qkv[row + (2u * K + head) * QUADS];
        values[i * 4u] = v.x;
        values[i * 4u + 1u] = v.y;
        values[i * 4u + 2u] = v.z;
        values[i * 4u + 3u] = v.w;
    }
    workgroupBarrier();
    for (var i = lane; i < n * 16u; i += WG) {
        var sum = vec3<f32>();
        for (var e = i % 16u; e < QUADS; e += 16u) {
            let q = queries[i / 16u * QUADS + e];
            let k = keys[i / 16u * QUADS + e];
            sum += vec3<f32>(dot(q, q), dot(k, k), dot(q, k));
        }
        sums[i] = sum;
    }
    workgroupBarrier();
    for (var t = lane; t < n; t += WG) {
        var sum = vec3<f32>();
        for (var i = 0u; i < 16u; i += 1u) { sum += sums[t * 16u + i]; }
        let at = (begin + t) * W + Z + H * D + head;
        let decay = exp(rates[head] * softplus(x[at] + rates[H + head]));
        let query = inverseSqrt((sum.x + params.eps) * f32(D));
        let key = inverseSqrt(sum.y + params.eps);
        tokens[t] = Token(decay, sigmoid(x[at + H]), key, query, sum.z);
    }
    workgroupBarrier();
}

// the sum of what the threads of a column have
fn whole(part: vec2<f32>, t: u32, lane: u32) -> vec2<f32> {
    if (LANES == 1u) { return part; }
    let turn = t % 2u * WG;
    parts[turn + lane] = part;
    workgroupBarrier();
    var sum = vec2<f32>();
    for (var i = lane % D; i < WG; i += D) { sum += parts[turn + i]; }
    return sum;
}

fn finish(begin: u32, n: u32, head: u32, lane: u32) {
    workgroupBarrier();
    for (var i = lane; i < n * 16u; i += WG) {
        var sum = 0.0;
        for (var d = i % 16u; d < D; d += 16u) {
            let o = values[i / 16u * D + d];
            sum += o * o;
        }
        sums[i].x = sum;
    }
    workgroupBarrier();
    for (var i = lane; i < n * D; i += WG) {
        var sum = 0.0;
        for (var j = 0u; j < 16u; j += 1u) { sum += sums[i / D * 16u + j].x; }
        let y = values[i] * inverseSqrt(sum / f32(D) + params.eps) * norm[i % D];
        let t = begin + i / D;
        let at = head * D + i % D;
        out[t * H * D + at] = y * activate(x[t * W + Z + at]);
    }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let column = lane % D;
    let first = lane / D * OWN;            // of the column's vectors
    let at = (head * QUADS + first) * D + column;
    var m = array<vec4<f32>, OWN>();
    if (state.pos > 0u) {
        // #unroll
        for (var i = 0u; i < OWN; i += 1u) { m[i] = memory[at + i * D]; }
    }
    for (var begin = 0u; begin < state.n; begin += TILE) {
        let n = min(TILE, state.n - begin);
        fetch(begin, n, head, lane);
        for (var t = 0u; t < n; t += 1u) {
            let token = tokens[t];
            let v = values[t * D + column];
            let e = t * QUADS + first;
            var dots = vec2<f32>();
            // #unroll
            for (var i = 0u; i < OWN; i += 1u) {
                dots += vec2<f32>(dot(keys[e + i], m[i]), dot(queries[e + i], m[i]));
            }
            dots = whole(dots, t, lane) * token.decay;
            let change = token.key * token.beta * (v - token.key * dots.x);
            // #unroll
            for (var i = 0u; i < OWN; i += 1u) {
                m[i] = m[i] * token.decay + keys[e + i] * change;
            }
            if (first == 0u) {
                values[t * D + column] = token.query * (dots.y + token.both * change);
            }
        }
        finish(begin, n, head, lane);
    }
    if (state.n > 0u) {
        // #unroll
        for (var i = 0u; i < OWN; i += 1u) { memory[at + i * D] = m[i]; }
    }
}

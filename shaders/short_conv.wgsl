// A causal convolution of each channel with its own kernel, and the inputs kept for the next call.
//
//   y[t, c] = sum over j of kernel[c, j] * u[t - WIDTH + 1 + j, c]; the last j is the present
//   GATED: a row of x is b | gate | v (LFM2): u = b * v, out = gate * y
//   else:  a row of x begins with u (Qwen3.5): out = silu(y)
//   x (T, W) f32      kernel (C, WIDTH) f32      out (T, C) f32: the first state.n rows are written
//   past (WIDTH - 1, C) f32, in place: u before this call, the oldest first; zeros at position 0
//   dispatch (ceil(C / 64), ceil(T / 16), 1)

override C: u32 = 1;           // channels
override W: u32 = 1;           // columns of x
override WIDTH: u32 = 4;       // taps of a kernel
override GATED: bool = false;

const TILE: u32 = 16u;         // tokens of a thread, at least WIDTH - 1
const LEFT: u32 = WIDTH - 1u;

// #include "lib/state.wgsl"
// #include "lib/silu.wgsl"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> kernel: array<f32>;
@group(0) @binding(2) var<storage, read_write> past: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<uniform> state: State;

// u of a channel: number 0 … LEFT - 1 is past, then come this call's tokens
fn input(i: u32, c: u32) -> f32 {
    if (i < LEFT) {
        if (state.pos == 0u) { return 0.0; }
        return past[i * C + c];
    }
    let at = (i - LEFT) * W + c;
    if (GATED) { return x[at] * x[at + 2u * C]; }
    return x[at];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let c = group.x * 64u + lane;
    let begin = group.y * TILE;
    if (c >= C || begin >= state.n) { return; }
    var taps = array<f32, WIDTH>();
    var seen = array<f32, WIDTH>();        // the last WIDTH inputs, the oldest first
    // #unroll
    for (var j = 0u; j < WIDTH; j += 1u) { taps[j] = kernel[c * WIDTH + j]; }
    // #unroll
    for (var j = 0u; j < LEFT; j += 1u) { seen[j + 1u] = input(begin + j, c); }
    for (var t = begin; t < min(begin + TILE, state.n); t += 1u) {
        // #unroll
        for (var j = 0u; j < LEFT; j += 1u) { seen[j] = seen[j + 1u]; }
        seen[LEFT] = input(t + LEFT, c);
        var y = 0.0;
        // #unroll
        for (var j = 0u; j < WIDTH; j += 1u) { y += taps[j] * seen[j]; }
        if (GATED) { y *= x[t * W + C + c]; } else { y = activate(y); }
        out[t * C + c] = y;
    }
    if (begin > 0u) { return; }
    // Only the first tile reads the past, so it alone may write it.
    // #unroll
    for (var j = 0u; j < LEFT; j += 1u) { seen[j] = input(state.n + j, c); }
    // #unroll
    for (var j = 0u; j < LEFT; j += 1u) { past[j * C + c] = seen[j]; }
}

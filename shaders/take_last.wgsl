// Row n - 1 of hidden becomes row 0 and, if ALONE, the state that of a call with its token alone.
//
//   hidden (T, C) f32, in place      dispatch (1, 1, 1)

override C: u32 = 64;
override WG: u32 = 256;
override ALONE: bool = true;

// #include "lib/state.wgsl"

@group(0) @binding(0) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(1) var<storage, read_write> state: State;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
    let last = max(state.n, 1u) - 1u;
    for (var i = lane; i < C; i += WG) { hidden[i] = hidden[last * C + i]; }
    storageBarrier();
    if (ALONE && lane == 0u) {
        state.pos += last;
        state.n = 1u;
    }
}

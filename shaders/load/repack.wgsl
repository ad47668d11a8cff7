// Blocks of a GGUF tensor -> the planes of a weight          one thread per 32 weights
//
//   raw  rows `first_row` … `first_row + rows - 1` of the tensor as the file holds them
//   w    zeros where these rows go; row r goes to row (first_row + r) * row_stride + row_offset
//   dispatch over two dimensions, ceil(rows * K / 32 / WG) workgroups

override WG: u32 = 64;
override K: u32 = 32;          // columns

struct Params {
    first_row: u32,
    rows: u32,
    row_stride: u32,
    row_offset: u32,
    hi: u32,                   // word of w at which plane hi begins
    sc: u32,                   // and plane sc
}

@group(0) @binding(0) var<storage, read> raw: array<u32>;
@group(0) @binding(1) var<storage, read_write> w: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

const BLOCKS: u32 = K / 32u;

// The word at any byte of raw; its last bytes may lie in the next word.
fn raw_word(at: u32) -> u32 {
    let i = at >> 2u;
    let shift = (at & 3u) * 8u;
    if (shift == 0u) { return raw[i]; }
    return (raw[i] >> shift) | (raw[i + 1u] << (32u - shift));
}

// The half at an even byte.
fn raw_half(at: u32) -> u32 { return (raw[at >> 2u] >> ((at & 2u) * 8u)) & 0xFFFFu; }

fn raw_byte(at: u32) -> u32 { return (raw[at >> 2u] >> ((at & 3u) * 8u)) & 0xFFu; }

fn put_word(i: u32, value: u32) { atomicStore(&w[i], value); }

// Half i from word `at`: two threads may share a word, hence the zeros and the atomic.
fn put_half(at: u32, i: u32, value: u32) {
    atomicOr(&w[at + (i >> 1u)], value << ((i & 1u) * 16u));
}

fn put_byte(at: u32, i: u32, value: u32) {
    atomicOr(&w[at + (i >> 2u)], value << ((i & 3u) * 8u));
}

// Two words of 4-bit quants, a byte each, as the word of one octet.
fn octet(first: u32, last: u32) -> u32 {
    return (first & 0x0F0F0F0Fu) | ((last & 0x0F0F0F0Fu) << 4u);
}

// The lowest bits of four bytes, side by side.
fn bits4(x: u32) -> u32 {
    let low = x & 0x01010101u;
    return (low | (low >> 7u) | (low >> 14u) | (low >> 21u)) & 15u;
}

// #include "load/repack_type.wgsl"

@compute @workgroup_size(WG)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = (group.x + group.y * groups.x) * WG + lane;
    let row = block / BLOCKS;
    if (row >= params.rows) { return; }
    let to = (params.first_row + row) * params.row_stride + params.row_offset;
    repack(block, to * BLOCKS + block % BLOCKS);
}

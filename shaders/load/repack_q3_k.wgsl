// Q3_K: a block of 256 is 32 bytes of third bits, bit b for the b-th 32 weights, 64 bytes of pairs,
// 12 bytes of 6-bit scales less 32, then d: half.   Needs raw_…, put_….
// #include "lib/half.wgsl"
// #include "load/pairs.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 110u;
    let part = from_block & 7u;
    put_k_pairs(at + 32u, part, to);
    var thirds = 0u;
    for (var i = 0u; i < 8u; i += 1u) {
        let four = (raw_word(at + i * 4u) >> part) & 0x01010101u;
        thirds |= four << ((i & 1u) * 4u + (i >> 1u));
    }
    put_word(params.hi + to, thirds);
    let sc = params.sc + (to >> 3u) * 5u;
    let first = scale(at + 96u, part * 2u);
    put_half(sc, part, first | (scale(at + 96u, part * 2u + 1u) << 8u));
    if (part == 0u) { put_word(sc + 4u, bitcast<u32>(half(raw_half(at + 108u)))); }
}

// The i-th of 16 scales, a signed byte: four bits in eight bytes, two more in the last four.
fn scale(at: u32, i: u32) -> u32 {
    let low = (raw_byte(at + (i & 7u)) >> ((i >> 3u) * 4u)) & 15u;
    let high = (raw_byte(at + 8u + (i & 3u)) >> ((i >> 2u) * 2u)) & 3u;
    return ((low | (high << 4u)) - 32u) & 0xFFu;
}

// Q2_K: a block of 256 is 16 bytes (scale low, minimum high), 64 bytes of pairs, then d and dmin:
// halves.   Needs raw_…, put_….
// #include "load/pairs.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 84u;
    let part = from_block & 7u;
    put_k_pairs(at + 16u, part, to);
    let sc = params.sc + (to >> 3u) * 5u;
    put_half(sc, part, raw_half(at + part * 2u));
    if (part == 0u) { put_word(sc + 4u, raw_word(at + 80u)); }
}

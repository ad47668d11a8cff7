// IQ2_XS: a block of 256 is d: half, 32 halves of a number (9 bits) and 7 signs, then 16 nibbles of
// scales.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 74u;
    let part = from_block & 7u;
    put_word(to * 2u, raw_word(at + 2u + part * 8u));
    put_word(to * 2u + 1u, raw_word(at + 6u + part * 8u));
    let sc = params.sc + (to >> 3u) * 3u;
    put_byte(sc, part, raw_byte(at + 66u + part));
    if (part == 0u) { put_float(sc + 2u, raw_half(at)); }
}

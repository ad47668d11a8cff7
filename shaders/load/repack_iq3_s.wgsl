// IQ3_S: a block of 256 is d: half, 64 bytes of numbers, 8 of their upper bits, 32 of signs, then 8
// nibbles of scales.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 110u;
    let part = from_block & 7u;
    put_word(to * 2u, raw_word(at + 2u + part * 8u));
    put_word(to * 2u + 1u, raw_word(at + 6u + part * 8u));
    put_word(params.hi + to, raw_word(at + 74u + part * 4u));
    let sc = params.sc + (to >> 3u) * 4u;
    put_byte(sc, part, raw_byte(at + 66u + part));
    if (part == 0u) {
        put_word(sc + 2u, raw_word(at + 106u));
        put_float(sc + 3u, raw_half(at));
    }
}

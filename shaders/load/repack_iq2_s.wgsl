// IQ2_S: a block of 256 is d: half, 32 bytes of numbers, 32 of signs, 8 of the numbers' upper bits,
// then 16 nibbles of scales.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 82u;
    let part = from_block & 7u;
    put_octets(to, raw_word(at + 2u + part * 4u), raw_word(at + 34u + part * 4u));
    let sc = params.sc + (to >> 3u) * 5u;
    put_byte(sc, part, raw_byte(at + 66u + part));
    put_byte(sc + 2u, part, raw_byte(at + 74u + part));
    if (part == 0u) { put_float(sc + 4u, raw_half(at)); }
}

// IQ4_XS: a block of 256 is d: half, 16 bits and 4 bytes of 6-bit scales less 32, then 16 bytes of
// nibbles for each 32 weights.   Needs raw_…, put_….
// #include "lib/half.wgsl"
// #include "load/nibbles.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 136u;
    let part = from_block & 7u;
    put_nibbles(at + 8u + part * 16u, to * 4u, 2u);
    let low = (raw_byte(at + 4u + (part >> 1u)) >> ((part & 1u) * 4u)) & 15u;
    let high = (raw_half(at + 2u) >> (part * 2u)) & 3u;
    let sc = params.sc + (to >> 3u) * 3u;
    put_byte(sc, part, ((low | (high << 4u)) - 32u) & 0xFFu);
    if (part == 0u) { put_word(sc + 2u, bitcast<u32>(half(raw_half(at)))); }
}

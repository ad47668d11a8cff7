// Q6_K: a block of 256 is 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed bytes of
// scales and d: half. Of each 128 weights, 32 weights number g have their low bits in byte
// 32 * (g & 1) + i, nibble g >> 1, their high bits in byte i, pair g.   Needs raw_…, octet, put_….
// #include "lib/half.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 210u;
    let part = from_block & 7u;
    let low = at + (part >> 2u) * 64u + (part & 1u) * 32u;
    let high = at + 128u + (part >> 2u) * 32u;
    let nibble = ((part >> 1u) & 1u) * 4u;
    let pair = (part & 3u) * 2u;
    for (var i = 0u; i < 4u; i += 1u) {
        let first = raw_word(low + i * 8u) >> nibble;
        let last = raw_word(low + i * 8u + 4u) >> nibble;
        put_word(to * 4u + i, octet(first, last));
    }
    for (var i = 0u; i < 4u; i += 2u) {
        let from_byte = high + i * 8u;
        put_word(
            params.hi + to * 2u + (i >> 1u),
            pairs4(raw_word(from_byte) >> pair)
                | (pairs4(raw_word(from_byte + 4u) >> pair) << 8u)
                | (pairs4(raw_word(from_byte + 8u) >> pair) << 16u)
                | (pairs4(raw_word(from_byte + 12u) >> pair) << 24u),
        );
    }
    let sc = params.sc + (to >> 3u) * 5u;
    put_half(sc, part, raw_half(at + 192u + part * 2u));
    if (part == 0u) { put_word(sc + 4u, bitcast<u32>(half(raw_half(at + 208u)))); }
}

// The lowest two bits of four bytes, side by side.
fn pairs4(x: u32) -> u32 {
    let low = x & 0x03030303u;
    return (low | (low >> 6u) | (low >> 12u) | (low >> 18u)) & 255u;
}

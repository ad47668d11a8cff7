// Q4_K, Q5_K: a block of 256 is d, dmin: halves, 12 bytes of 6-bit scales and minima, [32 bytes of
// fifth bits, bit b for the b-th 32 weights], then 128 bytes: bytes 32c … 32c + 31 hold the 32
// weights 2c (low) and 2c + 1 (high).   Needs raw_word, raw_byte, octet, bits4, put_….
override FIFTH: bool = false;

const QUANTS: u32 = 16u + select(0u, 32u, FIFTH);

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * (QUANTS + 128u);
    let part = from_block & 7u;
    let sc = params.sc + (to >> 3u) * 5u;
    put_half(sc, part, scale_pair(at + 4u, part));
    if (part == 0u) { put_word(sc + 4u, raw_word(at)); }
    var fifths = 0u;
    for (var i = 0u; i < 4u; i += 1u) {
        let from_byte = at + QUANTS + (part >> 1u) * 32u + i * 8u;
        let shift = (part & 1u) * 4u;
        let first = raw_word(from_byte) >> shift;
        let last = raw_word(from_byte + 4u) >> shift;
        put_word(to * 4u + i, octet(first, last));
        if (FIFTH) {
            let four = bits4(raw_word(at + 16u + i * 8u) >> part);
            let next = bits4(raw_word(at + 20u + i * 8u) >> part);
            fifths |= (four | (next << 4u)) << (i * 8u);
        }
    }
    if (FIFTH) { put_word(params.hi + to, fifths); }
}

// Bytes (scale, minimum) of 32 weights; the last four of eight have their upper bits elsewhere.
fn scale_pair(at: u32, part: u32) -> u32 {
    if (part < 4u) {
        return (raw_byte(at + part) & 63u) | ((raw_byte(at + part + 4u) & 63u) << 8u);
    }
    let low = raw_byte(at + part + 4u);
    let scale = (low & 15u) | ((raw_byte(at + part - 4u) >> 6u) << 4u);
    let minimum = (low >> 4u) | ((raw_byte(at + part) >> 6u) << 4u);
    return scale | (minimum << 8u);
}

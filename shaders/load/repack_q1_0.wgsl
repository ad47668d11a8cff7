// Q1_0: a block of 128 is d: half, 16 bytes of bits.   Needs raw_…, put_….

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 2u) * 18u;
    let part = from_block & 3u;
    put_word(to, raw_word(at + 2u + part * 4u));
    if (part == 0u) { put_half(params.sc, to >> 2u, raw_half(at)); }
}

// Q8_0: a block of 32 is d: half, 32 signed bytes.   Needs raw_word, put_word, put_half.
fn repack(from_block: u32, to: u32) {
    let at = from_block * 34u;
    put_half(params.sc, to, raw_half(at));
    for (var i = 0u; i < 8u; i += 1u) { put_word(to * 8u + i, raw_word(at + 2u + i * 4u)); }
}

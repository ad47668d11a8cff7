// F32, F16, BF16: 32 weights are copied as they are.   Needs raw, put_word.
override WORDS: u32 = 32;      // words per 32 weights

fn repack(from_block: u32, to: u32) {
    for (var i = 0u; i < WORDS; i += 1u) { put_word(to * WORDS + i, raw[from_block * WORDS + i]); }
}

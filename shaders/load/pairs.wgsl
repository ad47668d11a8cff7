// 2-bit quants of 32 weights -> two words.   Needs raw_word, put_word.

// Where a byte has the j-th of four pairs: 0, 4, 2, 6.
fn pair_place(j: u32) -> u32 { return (j & 1u) * 4u + (j >> 1u) * 2u; }

// Byte i of word k has the weights 16k + i, 16k + 8 + i, 16k + 4 + i and 16k + 12 + i.
fn put_pairs(at: u32, shift: u32, to: u32) {
    for (var k = 0u; k < 2u; k += 1u) {
        var word = 0u;
        for (var j = 0u; j < 4u; j += 1u) {
            let four = (raw_word(at + k * 16u + j * 4u) >> shift) & 0x03030303u;
            word |= four << pair_place(j);
        }
        put_word(to * 2u + k, word);
    }
}

// Where the pairs of a K-quant's 32 weights begin: of each 128 weights, 32 weights number g are
// pair g of 32 bytes.
fn put_k_pairs(at: u32, part: u32, to: u32) {
    put_pairs(at + (part >> 2u) * 32u, (part & 3u) * 2u, to);
}

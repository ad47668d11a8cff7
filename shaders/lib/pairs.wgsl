// 2-bit quants: byte i of a word has the weights i, 4 + i, 8 + i and 12 + i of two octets.

fn pairs(o: u32, word: u32) -> array<vec4<u32>, 2> {
    let x = word >> ((o & 1u) * 4u);
    return array<vec4<u32>, 2>(unpack4xU8(x & 0x03030303u), unpack4xU8((x >> 2u) & 0x03030303u));
}

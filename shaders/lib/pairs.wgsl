// 2-bit quants: byte i of a word has the weights i, 8 + i, 4 + i and 12 + i of two octets.

// The pairs of octet o, each in a nibble, as plane_nibbles takes them.
fn pair_nibbles(o: u32, word: u32) -> u32 { return (word >> ((o & 1u) * 2u)) & 0x33333333u; }

fn pairs(o: u32, word: u32) -> array<vec4<u32>, 2> {
    return plane_nibbles(pair_nibbles(o, word));
}

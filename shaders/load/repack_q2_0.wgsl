// Q2_0: a block of 64 is d: half, 16 bytes of pairs, a weight's after that before it.
// Needs raw_…, put_….

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 1u) * 18u;
    let part = from_block & 1u;
    for (var k = 0u; k < 2u; k += 1u) {
        put_word(to * 2u + k, transposed(raw_word(at + 2u + part * 8u + k * 4u)));
    }
    if (part == 0u) { put_half(params.sc, to >> 1u, raw_half(at)); }
}

// Pair j of byte i becomes pair i of byte j, then the second and third of a byte change places.
fn transposed(x: u32) -> u32 {
    let single = (x ^ (x >> 6u)) & 0x00CC00CCu;
    let y = x ^ single ^ (single << 6u);
    let double = (y ^ (y >> 12u)) & 0x0000F0F0u;
    let z = y ^ double ^ (double << 12u);
    let middle = (z ^ (z >> 2u)) & 0x0C0C0C0Cu;
    return z ^ middle ^ (middle << 2u);
}

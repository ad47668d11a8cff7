// 4-bit floats (E2M1), doubled: 0 1 2 3 4 6 8 12, then the same negated.

// Twelve more than the values of four nibbles, a byte each: all four at once.
fn fp4(x: u32) -> u32 {
    let m = x & 0x07070707u;
    let low = m & (((x >> 2u) & 0x01010101u) * 3u);        // of 4 … 7, which are 4 6 8 12
    let value = m + low + ((low & (low >> 1u)) << 1u);
    let negative = ((x >> 3u) & 0x01010101u) * 0xFFu;
    return 0x0C0C0C0Cu + (value & ~negative) - (value & negative);
}

fn fp4_floats(word: u32) -> array<vec4<f32>, 2> {
    let low = unpack4xU8(fp4(word & 0x0F0F0F0Fu));
    let high = unpack4xU8(fp4((word >> 4u) & 0x0F0F0F0Fu));
    return plane_floats(array<vec4<u32>, 2>(low, high), 12.0);
}

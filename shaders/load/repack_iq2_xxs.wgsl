// IQ2_XXS: a block of 256 is d: half, then for each 32 weights four bytes of numbers and a word of
// four times 7 signs and a scale.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 66u;
    let part = from_block & 7u;
    let signs = raw_word(at + 6u + part * 8u);
    put_octets(to, raw_word(at + 2u + part * 8u), even_signs4(signs));
    let sc = params.sc + (to >> 3u) * 2u;
    put_nibble(sc, part, signs >> 28u);
    if (part == 0u) { put_float(sc + 1u, raw_half(at)); }
}

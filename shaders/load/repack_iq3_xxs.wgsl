// IQ3_XXS: a block of 256 is d: half, 64 bytes of numbers, then for each 32 weights a word of four
// times 7 signs and a scale.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 98u;
    let part = from_block & 7u;
    put_word(to * 2u, raw_word(at + 2u + part * 8u));
    put_word(to * 2u + 1u, raw_word(at + 6u + part * 8u));
    let signs = raw_word(at + 66u + part * 4u);
    put_word(params.hi + to, even_signs4(signs));
    let sc = params.sc + (to >> 3u) * 2u;
    put_nibble(sc, part, signs >> 28u);
    if (part == 0u) { put_float(sc + 1u, raw_half(at)); }
}

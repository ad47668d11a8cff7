// Q4_0, Q4_1, Q5_0, Q5_1: a block of 32 is d: half, [m: half], [fifth bits: u32], then 16 bytes,
// byte i holding weight i (low) and weight 16 + i (high).   Needs raw_…, put_….
// #include "load/nibbles.wgsl"
override MINIMUM: bool = false;
override FIFTH: bool = false;

fn repack(from_block: u32, to: u32) {
    const QUANTS: u32 = 2u + select(0u, 2u, MINIMUM) + select(0u, 4u, FIFTH);
    let at = from_block * (QUANTS + 16u);
    if (MINIMUM) {
        put_word(params.sc + to, raw_word(at));
    } else {
        put_half(params.sc, to, raw_half(at));
    }
    if (FIFTH) { put_word(params.hi + to, raw_word(at + QUANTS - 4u)); }
    put_nibbles(at + QUANTS, to * 4u, 2u);
}

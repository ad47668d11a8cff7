// MXFP4: a block of 32 is an exponent, then 16 bytes of nibbles.   Needs raw_…, put_….
// #include "load/nibbles.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = from_block * 17u;
    put_nibbles(at + 1u, to * 4u, 2u);
    put_byte(params.sc, to, raw_byte(at));
}

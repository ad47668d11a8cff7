// TQ2_0: a block of 256 is 64 bytes of pairs, then d: half.   Needs raw_…, put_….
// #include "lib/half.wgsl"
// #include "load/pairs.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 66u;
    let part = from_block & 7u;
    put_k_pairs(at, part, to);
    if (part == 0u) {
        put_word(params.sc + (to >> 3u), bitcast<u32>(half(raw_half(at + 64u))));
    }
}

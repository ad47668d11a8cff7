// TQ1_0: a block of 256 is 32 bytes of 160 weights, 16 of 80 and 4 of 16, then d: half. The n-th
// digit of a byte, which is a fraction of 256 in base 3, is the n-th weight that it has; the next
// byte has the next one's. They become pairs, as TQ2_0's are.   Needs raw_…, put_….
// #include "lib/half.wgsl"
// #include "load/pairs.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 54u;
    let part = from_block & 7u;
    for (var k = 0u; k < 2u; k += 1u) {
        var word = 0u;
        for (var j = 0u; j < 4u; j += 1u) {
            word |= digits(at, part * 32u + k * 16u + j * 4u) << pair_place(j);
        }
        put_word(to * 2u + k, word);
    }
    if (part == 0u) {
        put_word(params.sc + (to >> 3u), bitcast<u32>(half(raw_half(at + 52u))));
    }
}

// Weights i … i + 3 of a block, a byte each.
fn digits(at: u32, i: u32) -> u32 {
    if (i < 160u) { return nth_digits(raw_word(at + (i & 31u)), i >> 5u); }
    if (i < 240u) { return nth_digits(raw_word(at + 32u + (i & 15u)), (i - 160u) >> 4u); }
    return nth_digits(raw_word(at + 48u), (i - 240u) >> 2u);
}

fn nth_digits(bytes: u32, n: u32) -> u32 {
    var power = 1u;
    for (var i = 0u; i < n; i += 1u) { power *= 3u; }
    let even = ((bytes & 0x00FF00FFu) * power) & 0x00FF00FFu;
    let odd = (((bytes >> 8u) & 0x00FF00FFu) * power) & 0x00FF00FFu;
    return (((even * 3u) >> 8u) & 0x00030003u) | ((odd * 3u) & 0x03000300u);
}

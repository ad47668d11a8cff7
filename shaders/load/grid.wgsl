// Numbers in a codebook -> octets of 16 bits.   Needs raw_…, put_….
// #include "lib/half.wgsl"

// Of 32 weights: the n-th of four octets gets byte n of `low` and byte n of `high`.
fn put_octets(to: u32, low: u32, high: u32) {
    let l = unpack4xU8(low);
    let h = unpack4xU8(high);
    put_word(to * 2u, l.x | (h.x << 8u) | (l.y << 16u) | (h.y << 24u));
    put_word(to * 2u + 1u, l.z | (h.z << 8u) | (l.w << 16u) | (h.w << 24u));
}

// Four times seven signs, each with an eighth, which makes the number of negative ones even.
fn even_signs4(bits: u32) -> u32 {
    let seven = (vec4<u32>(bits) >> vec4<u32>(0u, 7u, 14u, 21u)) & vec4<u32>(127u);
    let eight = seven | ((countOneBits(seven) & vec4<u32>(1u)) << vec4<u32>(7u));
    return eight.x | (eight.y << 8u) | (eight.z << 16u) | (eight.w << 24u);
}

fn put_nibble(at: u32, i: u32, value: u32) { put_byte(at, i >> 1u, value << ((i & 1u) * 4u)); }

fn put_float(at: u32, bits: u32) { put_word(at, bitcast<u32>(half(bits))); }

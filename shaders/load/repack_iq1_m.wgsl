// IQ1_M: a block of 256 is 32 bytes of numbers, a nibble for each octet: three upper bits and
// delta's sign, then four halves: twelve bits of scales, three for each 16 weights, and four of d.
// Needs raw_…, put_….
// #include "load/grid.wgsl"

fn repack(from_block: u32, to: u32) {
    let at = (from_block >> 3u) * 56u;
    let part = from_block & 7u;
    let nibbles = raw_half(at + 32u + part * 2u);
    let upper = (vec4<u32>(nibbles) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u);
    let scales = raw_half(at + 48u + (part >> 1u) * 2u) >> ((part & 1u) * 6u);
    let scale = (vec4<u32>(scales) >> vec4<u32>(0u, 0u, 3u, 3u)) & vec4<u32>(7u);
    let high = upper | (scale << vec4<u32>(4u));
    let bytes = high.x | (high.y << 8u) | (high.z << 16u) | (high.w << 24u);
    put_octets(to, raw_word(at + part * 4u), bytes);
    if (part == 0u) {
        var d = 0u;
        for (var i = 0u; i < 4u; i += 1u) {
            d |= (raw_half(at + 48u + i * 2u) >> 12u) << (i * 4u);
        }
        put_float(params.sc + (to >> 3u), d);
    }
}

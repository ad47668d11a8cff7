// Weights by their number in a codebook, whose bytes lie before plane sc.
// Needs of the type: GRID, the words of its codebook.

// The 16 bits of octet o in the word that has them.
fn octet_half(o: u32, word: u32) -> u32 { return (word >> ((o & 1u) * 16u)) & 0xFFFFu; }

fn grid_octet(i: u32) -> vec2<u32> {
    let pair = w[((params.sc - GRID) >> 2u) + (i >> 1u)];
    return select(pair.xy, pair.zw, (i & 1u) == 1u);
}

fn grid_fours(first: u32, last: u32) -> vec2<u32> {
    let at = params.sc - GRID;
    return vec2<u32>(plane_word(at + first), plane_word(at + last));
}

// The upper bits of octet o's numbers: two of each octet, for 32 octets in two words.
fn grid_bits(at: u32, o: u32) -> u32 {
    return (plane_word(at + ((o >> 4u) & 1u)) >> ((o & 15u) * 2u)) & 3u;
}

// A scale of four bits, the i-th from word `at`: these stand for 1, 3, … 31.
fn grid_scale(at: u32, i: u32) -> f32 {
    return f32(((plane_word(at + (i >> 3u)) >> ((i & 7u) * 4u)) & 15u) * 2u + 1u);
}

// Eight bytes, none of them 0, as floats; bit i negates byte i.
fn signed_floats(values: vec2<u32>, signs: u32) -> array<vec4<f32>, 2> {
    let spread = vec2<u32>(signs & 15u, (signs >> 4u) & 15u) * 0x00204081u;
    let negative = spread & vec2<u32>(0x01010101u);
    let v = (values ^ (negative * 0xFFu)) + negative;
    return array<vec4<f32>, 2>(vec4<f32>(unpack4xI8(v.x)), vec4<f32>(unpack4xI8(v.y)));
}

// Seven signs and the eighth, which makes the number of negative ones even.
fn even_signs(seven: u32) -> u32 { return seven | ((countOneBits(seven) & 1u) << 7u); }

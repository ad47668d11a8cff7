// Words of a repacked weight: the planes of one matrix, one after another in one buffer.
// Needs w: array<vec4<u32>>. An octet is 8 consecutive weights of a row; see ops/weight.py.
// #include "lib/half.wgsl"

fn plane_word(i: u32) -> u32 { return w[i >> 2u][i & 3u]; }

// The i-th 16-bit half from word `at`.
fn plane_half(at: u32, i: u32) -> u32 {
    return (plane_word(at + (i >> 1u)) >> ((i & 1u) * 16u)) & 0xFFFFu;
}

// The 4-bit quants of octet o: low nibbles of its word are weights 0..3, high nibbles 4..7.
fn plane_nibbles(o: u32) -> array<vec4<u32>, 2> {
    let q = plane_word(o);
    return array<vec4<u32>, 2>(unpack4xU8(q & 0x0F0F0F0Fu), unpack4xU8((q >> 4u) & 0x0F0F0F0Fu));
}

// As plane_nibbles, with a fifth bit from byte o of the plane at word `hi`.
fn plane_fives(o: u32, hi: u32) -> array<vec4<u32>, 2> {
    let q = plane_nibbles(o);
    let h = plane_word(hi + (o >> 2u)) >> ((o & 3u) * 8u);
    return array<vec4<u32>, 2>(
        q[0] | (((vec4<u32>(h) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u)) << vec4<u32>(4u)),
        q[1] | (((vec4<u32>(h) >> vec4<u32>(4u, 5u, 6u, 7u)) & vec4<u32>(1u)) << vec4<u32>(4u)),
    );
}

// Quants of unsigned type as floats, less `zero`.
fn plane_floats(q: array<vec4<u32>, 2>, zero: f32) -> array<vec4<f32>, 2> {
    return array<vec4<f32>, 2>(vec4<f32>(q[0]) - zero, vec4<f32>(q[1]) - zero);
}

// Scale and offset of octet o of a K-quant: per 256 weights, 8 byte pairs (scale, minimum), one
// pair per 32, then the pair of halves (d, dmin) that multiplies them.
fn plane_k_scale(o: u32, sc: u32) -> vec2<f32> {
    let at = sc + (o >> 5u) * 5u;
    let pair = plane_half(at, (o >> 2u) & 7u);
    let d = plane_word(at + 4u);
    return vec2<f32>(
        half(d & 0xFFFFu) * f32(pair & 0xFFu),
        -half(d >> 16u) * f32(pair >> 8u),
    );
}

// Rotary position embedding (Su et al., arXiv 2104.09864), exact to f32 at any position.
// Needs freqs: array<vec4<u32>> (.xy = turns per position of one pair, as the 64-bit fraction
// x/2^32 + y/2^64; .z = an f32 that multiplies the turned pair), const D, ROT: u32 (rotated
// dimensions), NEOX: bool.
//
// The angle is kept as an integer fraction of a turn, so nothing is lost at large positions, and
// sine and cosine are polynomials on ±1/8 turn: WGSL's own promise only 2^-11.

// (cos, sin) of the pair's angle at a position below 2^20, times the pair's magnitude
fn rope_rotation(pair: u32, pos: u32) -> vec2<f32> {
    let rate = freqs[pair];
    let low = rate.y >> 16u;
    let turn = rate.x * pos + low * (pos >> 16u) + ((low * (pos & 0xFFFFu)) >> 16u);
    let quadrant = (turn + 0x20000000u) >> 30u;
    let a = f32(i32(turn - (quadrant << 30u))) * 1.4629180792671596e-9;    // 2 pi / 2^32
    let b = a * a;
    let c = 1.0 + b * (-0.5 + b * (0.041666668 + b * (-0.0013888889 + b * 2.4801588e-5)));
    let s = a + a * b * (-0.16666667 + b * (0.008333334 + b * (-0.0001984127 + b * 2.7557319e-6)));
    let turned = select(vec2<f32>(c, s), vec2<f32>(-s, c), (quadrant & 1u) == 1u);
    return select(turned, -turned, (quadrant & 2u) == 2u) * bitcast<f32>(rate.z);
}

// the two dimensions that pair `i` of D/2 stands for; pairs from ROT/2 on are not rotated
fn rope_dims(i: u32) -> vec2<u32> {
    if (!NEOX || i >= ROT / 2u) { return vec2<u32>(2u * i, 2u * i + 1u); }
    return vec2<u32>(i, i + ROT / 2u);
}

// the pair (x, y) of head dimensions rope_dims(i), turned
fn rope_turn(v: vec2<f32>, i: u32, pos: u32) -> vec2<f32> {
    if (i >= ROT / 2u) { return v; }
    let r = rope_rotation(i, pos);
    return vec2<f32>(v.x * r.x - v.y * r.y, v.x * r.y + v.y * r.x);
}

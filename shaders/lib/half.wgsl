// A finite IEEE half as f32. Not unpack2x16float: that may flush subnormals, as small scales are.
fn half(bits: u32) -> f32 {
    let sign = (bits & 0x8000u) << 16u;
    let tiny = bitcast<u32>(f32(bits & 0x3FFu) * 0x1p-24f);
    let usual = ((bits & 0x7FFFu) << 13u) + 0x38000000u;
    return bitcast<f32>(sign | select(usual, tiny, (bits & 0x7C00u) == 0u));
}

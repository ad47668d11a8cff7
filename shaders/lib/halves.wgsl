// Two f32 as IEEE halves in a word. Held in range: beyond 65504 pack2x16float may give anything,
// and one infinity in a cache makes 0 * infinity of every masked position.
fn halves(x: f32, y: f32) -> u32 {
    return pack2x16float(clamp(vec2<f32>(x, y), vec2<f32>(-65504.0), vec2<f32>(65504.0)));
}

fn halves8(a: vec4<f32>, b: vec4<f32>) -> vec4<u32> {
    return vec4<u32>(halves(a.x, a.y), halves(a.z, a.w), halves(b.x, b.y), halves(b.z, b.w));
}

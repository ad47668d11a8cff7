// freqs[i] /= factors[i], exactly: long division of a 64-bit fraction by an f32
//
//   freqs (P,) vec4<u32>: .xy a 64-bit fraction of a turn, see lib/rope.wgsl; the rest is kept
//   factors (P,) f32
//   dispatch (ceil(P / 64), 1, 1)

override P: u32 = 1;

@group(0) @binding(0) var<storage, read> factors: array<f32>;
@group(0) @binding(1) var<storage, read_write> freqs: array<vec4<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) global: vec3<u32>) {
    if (global.x >= P) { return; }
    let bits = bitcast<u32>(factors[global.x]);
    let mantissa = (bits & 0x7FFFFFu) | 0x800000u;
    // factor = mantissa * 2^(exponent - 23), so this many bits of freq * 2^23 are divided
    let exponent = i32((bits >> 23u) & 0xFFu) - 127;
    let steps = u32(clamp(87 - exponent, 0, 214));
    var rest = freqs[global.x].xy;
    var quotient = vec2<u32>();
    var remainder = 0u;
    for (var i = 0u; i < steps; i++) {
        remainder = (remainder << 1u) | (rest.x >> 31u);
        rest = vec2<u32>((rest.x << 1u) | (rest.y >> 31u), rest.y << 1u);
        let goes = remainder >= mantissa;
        remainder -= select(0u, mantissa, goes);
        quotient = vec2<u32>(
            (quotient.x << 1u) | (quotient.y >> 31u),
            (quotient.y << 1u) | select(0u, 1u, goes));
    }
    if (bits >> 31u == 1u) {    // a negative factor turns backwards
        quotient = vec2<u32>(~quotient.x + select(0u, 1u, quotient.y == 0u), ~quotient.y + 1u);
    }
    freqs[global.x] = vec4<u32>(quotient, freqs[global.x].zw);
}

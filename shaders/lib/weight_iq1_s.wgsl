// IQ1_S: value = d/8 * sc * (grid[i] ± 1), f32 d per 256 weights. An octet has i in 11 bits, which
// sign, and of sc = 1, 3, … 15 three bits.
// Needs w, and Params with hi and sc.
// #include "lib/planes.wgsl"
// #include "lib/no_table.wgsl"
// #include "lib/grid.wgsl"
const WEIGHT_BITS: u32 = 16u;      // bits of an octet in plane qs
const WEIGHT_HIGH: u32 = 0u;       // bits of an octet in plane hi
const WEIGHT_SPAN: u32 = 4u;       // octets that share a scale
const WEIGHT_OFFSET: bool = false;
const GRID: u32 = 4096u;           // words of the codebook

fn weight_scale(b: u32, i: u32) -> vec2<f32> {
    return vec2<f32>(bitcast<f32>(plane_word(params.sc + (b >> 3u))) * 0.125, 0.0);
}

fn octet_floats(o: u32, q: array<u32, WEIGHT_WORDS>, high: u32) -> array<vec4<f32>, 2> {
    let x = octet_half(o, q[0]);
    let values = grid_octet(x & 0x7FFu);
    let delta = select(1.0, -1.0, (x & 0x800u) != 0u);
    let scale = f32(((x >> 12u) & 7u) * 2u + 1u);
    return array<vec4<f32>, 2>(
        (vec4<f32>(unpack4xI8(values.x)) + delta) * scale,
        (vec4<f32>(unpack4xI8(values.y)) + delta) * scale,
    );
}

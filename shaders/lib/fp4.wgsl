// 4-bit floats (E2M1), doubled: 0 1 2 3 4 6 8 12, then the same negated.
// #include "lib/table.wgsl"

fn table_value(i: u32) -> f32 {
    let e = (i >> 1u) & 3u;
    let value = i32(((i & 1u) | select(0u, 2u, e > 0u)) << (max(e, 1u) - 1u));
    return f32(select(value, -value, i > 7u));
}

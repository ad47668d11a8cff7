// The 16 values of IQ4_NL and IQ4_XS:
// -127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113.
// #include "lib/table.wgsl"

// This polynomial is nowhere farther than 0.44 from them.
fn table_value(i: u32) -> f32 {
    let x = f32(i);
    return round((((0.001586 * x + 0.031086) * x - 1.3719) * x + 24.174) * x - 126.57);
}

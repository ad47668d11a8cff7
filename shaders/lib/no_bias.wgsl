// Rows without a bias. Variants: bias.wgsl, scaled_bias.wgsl.
fn biased(y: f32, r: u32) -> f32 { return y; }

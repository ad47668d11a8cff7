// Rows without a bias. Variant: bias.wgsl.
const BIAS: bool = false;

fn row_bias(r: u32) -> f32 { return 0.0; }

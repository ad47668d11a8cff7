// A bias for each row of a stack of weights, this weight's first row at out_at.
// Variant: no_bias.wgsl.
const BIAS: bool = true;

@group(0) @binding(6) var<storage, read> bias: array<f32>;

fn row_bias(r: u32) -> f32 { return bias[r]; }

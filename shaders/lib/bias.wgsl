// A bias for each row of a stack of weights, this weight's first row at out_at.
// Variants: no_bias.wgsl, scaled_bias.wgsl.
@group(0) @binding(6) var<storage, read> bias: array<f32>;

fn biased(y: f32, r: u32) -> f32 { return y + bias[r]; }

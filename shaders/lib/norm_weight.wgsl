// The weights of an RMSNorm. Variant: no_norm_weight.wgsl.
const WEIGHTED: bool = true;

@group(0) @binding(1) var<storage, read> weight: array<f32>;

fn norm_weight(i: u32) -> f32 { return weight[i]; }

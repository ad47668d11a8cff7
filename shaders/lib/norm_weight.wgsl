// The weights of an RMSNorm, four at a time. Variant: no_norm_weight.wgsl.
const WEIGHTED: bool = true;

@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;

fn norm_weight(i: u32) -> vec4<f32> { return weight[i]; }

// The weights of an RMSNorm folded into a product, four at a time. Variant: no_norm.wgsl.
const NORM: bool = true;

@group(0) @binding(5) var<storage, read> norm: array<vec4<f32>>;

fn norm_weight(i: u32) -> vec4<f32> { return norm[i]; }

// An RMSNorm without weights. Variant: norm_weight.wgsl.
const WEIGHTED: bool = false;

fn norm_weight(i: u32) -> vec4<f32> { return vec4<f32>(1.0); }

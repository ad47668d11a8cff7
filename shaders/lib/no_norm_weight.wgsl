// An RMSNorm without weights. Variant: norm_weight.wgsl.
const WEIGHTED: bool = false;

fn norm_weight(i: u32) -> f32 { return 1.0; }
